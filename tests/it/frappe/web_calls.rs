//! Where the web server of a site is called, and what it is not sent.

use serde_json::json;

use crate::support::frappe::{Bench, Realtime, SITE, USER_INFO, Visit, WebServer};
use crate::support::process::free_port;
use crate::support::site_server::Reply;

/// A site named by an address of this machine: calls to where its pages come from need no lookup.
const HERE: &str = "127.0.0.9";

/// A bench that does not say where its web server is, with the site `HERE`; and the server of its pages.
async fn of_pages() -> (Bench, WebServer) {
    let pages = WebServer::start_at(HERE.parse().unwrap()).await;
    let bench =
        Bench::new().await.common("webserver_host", json!(null)).common("webserver_port", json!(null));
    pages.rules(|rules| "first-secret-of-the-bench-012345".clone_into(&mut rules.secret));
    bench.new_site(HERE);
    (bench, pages)
}

fn visit(realtime: &Realtime, port: u16) -> Visit {
    realtime.visit(HERE).reached_as(&format!("{HERE}:{port}")).sid("sid-alice")
}

#[tokio::test]
async fn without_a_configured_web_server_that_of_the_page_is_called() {
    let (bench, pages) = of_pages().await;
    let realtime = bench.start().await;
    visit(&realtime, pages.port()).join().await;
    let calls = pages.calls();
    assert_eq!((calls.len(), calls[0].method.as_str()), (1, USER_INFO));
    // With or without the port: it names the site, by which Frappe finds it.
    assert!(calls[0].header("host").is_some_and(|host| host.starts_with(HERE)), "{calls:?}");
    assert_eq!(bench.web.calls().len(), 0);
}

#[tokio::test]
async fn in_developer_mode_it_is_at_the_port_of_the_bench() {
    let (bench, pages) = of_pages().await;
    let bench = bench.common("developer_mode", json!(1)).common("webserver_port", json!(pages.port()));
    let realtime = bench.start().await;
    visit(&realtime, 9).join().await;
    assert_eq!(pages.calls().len(), 1);
}

#[tokio::test]
async fn that_of_the_machine_is_asked_wherever_the_page_says_that_it_is_from() {
    let (bench, pages) = of_pages().await;
    let bench_port = bench.web.port();
    let bench = bench.common("webserver_port", json!(bench_port));
    let realtime = bench.start().await;
    visit(&realtime, pages.port()).join().await;
    visit(&realtime, 80).without("Origin").join().await;
    let sites: Vec<_> = bench.web.calls().iter().map(|call| call.header("x-frappe-site-name")).collect();
    assert_eq!(sites, [Some(HERE.to_owned()), Some(HERE.to_owned())]);
    assert_eq!(pages.calls().len(), 0);
}

#[tokio::test]
async fn where_that_of_the_machine_cannot_be_reached_that_of_the_page_is_asked() {
    let (bench, pages) = of_pages().await;
    let bench = bench.common("webserver_port", json!(free_port()));
    let realtime = bench.start().await;
    visit(&realtime, pages.port()).join().await;
    assert_eq!((pages.calls().len(), bench.web.calls().len()), (1, 0));
}

#[tokio::test]
async fn one_that_is_reached_and_slow_is_waited_for_and_nobody_else_asked() {
    let (bench, pages) = of_pages().await;
    let bench_port = bench.web.port();
    let bench = bench.common("webserver_port", json!(bench_port));
    let realtime = bench.start().await;
    bench.web.arrange(USER_INFO, Reply::Never);
    let text = visit(&realtime, pages.port()).refused().await;
    assert!(text.starts_with("Unauthorized"), "{text}");
    assert_eq!((pages.calls().len(), bench.web.calls().len()), (0, 1));
}

#[tokio::test]
async fn a_web_server_that_is_being_started_is_waited_for() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    // As nginx answers until there is somebody behind it.
    bench.web.arrange(USER_INFO, Reply::json(502, "<html>Bad gateway</html>"));
    let mut alice = realtime.visit(SITE).sid("sid-alice").knock().await;
    bench.web.wait_for(USER_INFO, 2).await;
    bench.web.arrange(USER_INFO, Reply::json(503, "<html>Bad gateway</html>"));
    bench.web.wait_for(USER_INFO, 3).await;
    bench.web.as_usual(USER_INFO);
    alice.welcomed().await;
    let mut bob = realtime.visit(SITE).sid("sid-bob").knock().await;
    bob.welcomed().await;
}

#[tokio::test]
async fn a_configured_address_stands_in_place_of_everything_else() {
    for by_environment in [true, false] {
        let (bench, pages) = of_pages().await;
        let url = format!("http://127.0.0.1:{}", bench.web.port());
        let bench = bench.common("webserver_host", json!("127.0.0.8")).common("webserver_port", json!(9));
        let bench = if by_environment {
            bench.env("FRAPPE_BACKEND_URL", &url)
        } else {
            bench.config(&format!("frappe:\n  backendUrl: {url}"))
        };
        let realtime = bench.start().await;
        visit(&realtime, pages.port()).join().await;
        let call = bench.web.calls().pop().unwrap();
        assert_eq!(call.header("x-frappe-site-name").as_deref(), Some(HERE));
        assert_eq!(call.header("host").as_deref(), Some(HERE));
        assert_eq!(pages.calls().len(), 0);
    }
}

#[tokio::test]
async fn a_host_that_is_not_of_the_site_is_never_called() {
    let foreign = WebServer::start().await;
    let bench = Bench::new().await.common("webserver_host", json!(null));
    let realtime = bench.start().await;
    let port = foreign.port();
    let visit = realtime.visit(SITE).header("X-Frappe-Site-Name", SITE).sid("sid-alice");
    let visits = [
        visit.clone().reached_as(&format!("127.0.0.1:{port}")),
        visit.clone().reached_as(&format!("localhost:{port}")),
        visit.clone().header("Origin", &format!("http://127.0.0.1:{port}")),
        // What stands before the first colon is the site; where such a URL leads to is something else.
        visit.clone().header("Origin", &format!("http://{SITE}:80@127.0.0.1:{port}")),
        visit.clone().header("X-Forwarded-Host", &format!("127.0.0.1:{port}")),
    ];
    for visit in visits {
        // Whether it is let in, by what the bench's own web server says, or not: both are fine.
        let mut client = visit.knock().await.client;
        let answer = client.packet().await;
        assert!(matches!(answer.kind, '0' | '4'), "{}", answer.raw);
    }
    assert_eq!(foreign.calls().len(), 0);
    let calls = bench.web.calls();
    assert!(calls.iter().all(|call| call.header("x-frappe-site-name").as_deref() == Some(SITE)));
}

#[tokio::test]
async fn who_is_behind_a_redirect_to_elsewhere_learns_no_secret() {
    let (bench, elsewhere) = of_pages().await;
    let url = format!("http://{HERE}:{}/api/method/{USER_INFO}", elsewhere.port());
    bench.web.arrange(USER_INFO, Reply::redirect(302, &url));
    let port = bench.web.port();
    let bench = bench.common("webserver_host", json!("127.0.0.1")).common("webserver_port", json!(port));
    let realtime = bench.start().await;
    for visit in [realtime.visit(SITE).sid("sid-alice"), realtime.visit(SITE).authorization("Bearer alice")] {
        let mut client = visit.knock().await.client;
        let answer = client.packet().await;
        assert!(matches!(answer.kind, '0' | '4'), "{}", answer.raw);
    }
    assert!(bench.web.calls().len() >= 2);
    for call in elsewhere.calls() {
        for secret in ["cookie", "authorization", "x-frappe-socket-secret"] {
            assert_eq!(call.header(secret), None, "{secret} went to another host");
        }
    }
}
