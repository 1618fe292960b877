//! Which auth calls run, when, and for whom: sharing, places, time.

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::*;
use crate::support::site_server::{Reply, Seen};

/// Answers with the token as the only room.
fn echo(seen: &Seen) -> Reply {
    let authorization = seen.header("authorization").unwrap();
    let token = authorization.strip_prefix("Bearer ").unwrap();
    Reply::json(200, &format!("[{token:?}]"))
}

/// A server that answers each request behind a gate.
async fn gated(gate: &Arc<Semaphore>) -> SiteServer {
    let gate = Arc::clone(gate);
    SiteServer::start(move |seen, _| echo(seen).behind(&gate)).await
}

#[tokio::test]
async fn equal_calls_in_flight_are_one_request() {
    let gate = Arc::new(Semaphore::new(0));
    let server = gated(&gate).await;
    let (webservice, site) = (webservice(), Arc::new(site(&server)));
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        calls.spawn(webservice.authorize(Arc::clone(&site), credentials(Some("a"), None)));
    }
    server.wait_for(1).await;
    gate.add_permits(100);
    while let Some(answer) = calls.join_next().await {
        assert_eq!(answer.unwrap(), Ok(vec!["a".to_owned()]));
    }
    assert_eq!(server.seen().len(), 1);
    // Answers are not kept: who comes later is asked about anew.
    ask(&webservice, &site, "a").await.unwrap();
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn calls_that_differ_in_anything_are_not_shared() {
    let gate = Arc::new(Semaphore::new(0));
    let server = gated(&gate).await;
    let webservice = webservice();
    let base = site(&server);
    let (mut name, mut url, mut scheme) = (base.clone(), base.clone(), base.clone());
    name.name = Site::sample("other").name;
    url.webservice_mut().unwrap().auth_url.push('2');
    scheme.webservice_mut().unwrap().auth_scheme = "Bearer x".to_owned();
    let mut calls = JoinSet::new();
    for site in [base.clone(), name, url, scheme] {
        calls.spawn(webservice.authorize(site.into(), credentials(Some("a"), None)));
    }
    for (token, meta) in [(Some("b"), None), (Some("a"), Some("")), (Some("a"), Some("m"))] {
        calls.spawn(webservice.authorize(base.clone().into(), credentials(token, meta)));
    }
    server.wait_for(7).await;
    gate.add_permits(7);
    assert!(calls.join_all().await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn no_more_than_the_limit_run_at_once_and_all_are_served() {
    let gate = Arc::new(Semaphore::new(0));
    let server = gated(&gate).await;
    let mut site = site(&server);
    site.auth_concurrency = 3;
    let (webservice, site) = (webservice(), Arc::new(site));
    let mut calls = JoinSet::new();
    for number in 0..40 {
        calls.spawn(webservice.authorize(Arc::clone(&site), credentials(Some(&number.to_string()), None)));
    }
    server.wait_for(3).await;
    gate.add_permits(40);
    let mut rooms: Vec<String> = calls.join_all().await.into_iter().flat_map(Result::unwrap).collect();
    rooms.sort_by_key(|room| room.parse::<u32>().unwrap());
    assert_eq!(rooms, (0..40).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(server.peak(), 3);
}

#[tokio::test]
async fn one_site_that_hangs_does_not_delay_another() {
    let (hung, well) =
        (SiteServer::start(|_, _| Reply::Never).await, SiteServer::start(|s, _| echo(s)).await);
    let (mut bad, mut good) = (site(&hung), site(&well));
    bad.auth_concurrency = 1;
    good.name = Site::sample("good").name;
    let (webservice, bad, good) = (webservice(), Arc::new(bad), Arc::new(good));
    let waiting: Vec<_> = ["a", "b", "c"]
        .map(|token| webservice.authorize(Arc::clone(&bad), credentials(Some(token), None)))
        .into();
    hung.wait_for(1).await;
    assert_eq!(ask(&webservice, &good, "x").await, Ok(vec!["x".to_owned()]));
    drop(waiting);
}

#[tokio::test]
async fn a_line_that_is_too_long_refuses_at_once() {
    let server = SiteServer::start(|_, _| Reply::Never).await;
    let mut site = site(&server);
    site.auth_concurrency = 1;
    let webservice = Webservice::start(Options { auth_line: 2, ..options() }).unwrap();
    let site = Arc::new(site);
    let call = |token| webservice.authorize(Arc::clone(&site), credentials(Some(token), None));
    let waiting = ["a", "b", "c"].map(call);
    let busy = Refusal { text: "Service unavailable: too many log-ins at once".to_owned(), transient: true };
    assert_eq!(call("d").await, Err(busy));
    drop(waiting);
}

#[tokio::test]
async fn a_site_that_never_answers_is_given_up_in_time_with_those_behind_it() {
    let server = SiteServer::start(|_, _| Reply::Never).await;
    let mut site = site(&server);
    (site.auth_concurrency, site.auth_timeout) = (1, Duration::from_millis(100));
    let (webservice, site) = (webservice(), Arc::new(site));
    let (first, behind) = tokio::join!(ask(&webservice, &site, "a"), ask(&webservice, &site, "b"));
    let passing = |text: &str| Refusal { text: format!("Service unavailable: {text}"), transient: true };
    assert_eq!(first, Err(passing("the site's auth server did not answer in time")));
    // Whether it still got the place of the first one is a matter of microseconds.
    assert!([Err(passing("too many log-ins at once")), first].contains(&behind), "{behind:?}");
    server.wait_for_closed(1).await;
}

#[tokio::test]
async fn an_answer_that_trickles_is_given_up_in_time() {
    let head = b"HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\n[\"a\"".to_vec();
    let server = SiteServer::start(move |_, _| Reply::Stall(head.clone())).await;
    let mut site = site(&server);
    site.auth_timeout = Duration::from_millis(200);
    let refusal = ask(&webservice(), &Arc::new(site), "a").await.unwrap_err();
    assert_eq!(refusal.text, "Service unavailable: the site's auth server did not answer in time");
    server.wait_for_closed(1).await;
}

#[tokio::test]
async fn who_goes_away_does_not_end_the_call_of_the_others() {
    let gate = Arc::new(Semaphore::new(0));
    let server = gated(&gate).await;
    let (webservice, site) = (webservice(), Arc::new(site(&server)));
    let first = webservice.authorize(Arc::clone(&site), credentials(Some("a"), None));
    let second = webservice.authorize(Arc::clone(&site), credentials(Some("a"), None));
    server.wait_for(1).await;
    drop(first);
    gate.add_permits(1);
    assert_eq!(second.await, Ok(vec!["a".to_owned()]));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_is_given_up_and_its_place_is_free() {
    let gate = Arc::new(Semaphore::new(0));
    let server = gated(&gate).await;
    let mut site = site(&server);
    site.auth_concurrency = 1;
    let (webservice, site) = (webservice(), Arc::new(site));
    let running = webservice.authorize(Arc::clone(&site), credentials(Some("a"), None));
    let waiting = webservice.authorize(Arc::clone(&site), credentials(Some("b"), None));
    server.wait_for(1).await;
    drop(waiting);
    drop(running);
    server.wait_for_closed(1).await;
    gate.add_permits(1);
    assert_eq!(ask(&webservice, &site, "c").await, Ok(vec!["c".to_owned()]));
    let asked: Vec<_> = server.seen().iter().filter_map(|seen| seen.header("authorization")).collect();
    assert_eq!(asked, ["Bearer a", "Bearer c"]);
}

#[tokio::test]
async fn a_changed_limit_holds_from_the_next_call_on() {
    let gate = Arc::new(Semaphore::new(0));
    let server = gated(&gate).await;
    let mut site = site(&server);
    site.auth_concurrency = 1;
    let webservice = webservice();
    let first = webservice.authorize(site.clone().into(), credentials(Some("a"), None));
    server.wait_for(1).await;
    site.auth_concurrency = 2;
    let second = webservice.authorize(site.into(), credentials(Some("b"), None));
    server.wait_for(2).await;
    gate.add_permits(2);
    assert!(first.await.is_ok() && second.await.is_ok());
}

#[tokio::test]
async fn what_waits_is_refused_when_the_protocol_stops() {
    let server = SiteServer::start(|_, _| Reply::Never).await;
    let webservice = webservice();
    let call = webservice.authorize(site(&server).into(), credentials(Some("a"), None));
    server.wait_for(1).await;
    drop(webservice);
    let refusal = tokio::time::timeout(PATIENCE, call).await.unwrap().unwrap_err();
    assert_eq!(refusal.text, "Service unavailable: the gateway is stopping");
    server.wait_for_closed(1).await;
}
