//! How often the web server is asked, and who waits for it.

use std::time::Duration;

use futures_util::future::join_all;

use crate::support::frappe::{Bench, SITE, USER_INFO};
use crate::support::site_server::Reply;

/// More than lies between the first who comes and the last.
const MARGIN: Duration = Duration::from_secs(2);
/// Calls of a site that run at once.
const AT_ONCE: usize = 64;

#[tokio::test]
async fn a_refusal_is_one_and_is_the_users_affair() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let visit = realtime.visit(SITE);
    let text = visit.clone().authorization("Bearer nobody").refused().await;
    assert!(text.starts_with("Unauthorized") && text.contains("401"), "{text}");
    bench.web.arrange(USER_INFO, Reply::json(502, "<html>Bad gateway</html>"));
    let text = visit.clone().sid("sid-alice").refused().await;
    assert!(text.starts_with("Unauthorized") && text.contains("502"), "{text}");
    bench.web.arrange(USER_INFO, Reply::json(200, "<html>Log in</html>"));
    visit.sid("sid-alice").refused().await;
    // Asked once each: a web server that has too much to do already is not asked twice as often.
    assert_eq!(bench.web.calls_of(USER_INFO).len(), 3);
    realtime.log_line("the answer is not JSON").await;
    let log = realtime.log();
    let faults = log.lines().filter(|line| line.contains("could not say who it is")).count();
    assert_eq!(faults, 2, "a token that is none is nothing for the operator: {log}");
}

#[tokio::test]
async fn who_stands_in_line_for_long_is_let_in_all_the_same() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let gate = bench.web.hold(USER_INFO);
    let visit = realtime.visit(SITE).sid("sid-alice");
    let mut before = join_all((0..AT_ONCE).map(|_| visit.knock())).await;
    bench.web.wait_for(USER_INFO, AT_ONCE).await;
    let mut last = visit.knock().await;
    last.client.settled().await;
    // Nobody before it has an answer in time; then it is its turn.
    let text = before[0].refused().await;
    assert!(text.starts_with("Unauthorized"), "{text}");
    // It came a little later than they did; with all that it has waited longer than any call may take.
    tokio::time::sleep(MARGIN).await;
    gate.add_permits(1_000);
    last.welcomed().await;
}
