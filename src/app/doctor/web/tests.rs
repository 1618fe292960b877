use super::super::finding::Mark;
use super::*;
use crate::domain::{FrappeSite, Protocol, Site};

fn subject(of_bench: bool) -> Subject {
    let site =
        Site { protocol: Protocol::Frappe(Arc::new(FrappeSite::sample())), ..Site::sample("site1.local") };
    Subject { site: Arc::new(site), of_bench }
}

fn base() -> Base {
    Base { url: "http://127.0.0.1:8000".to_owned(), host: Some("site1.local".to_owned()) }
}

fn user(name: &str, apps: Option<Vec<String>>) -> Said {
    Said::User(User { name: name.into(), is_system: true, apps })
}

fn of(said: &Said, known: &Known) -> Finding {
    of_said(said, &base(), known, &subject(true))
}

#[test]
fn a_user_tells_the_version() {
    let old = of(&user("Guest", None), &Known::Unread);
    assert!(old.mark == Mark::Ok && old.text.contains("15 or earlier"), "{old:?}");
    let new = of(&user("Guest", Some(vec!["frappe".to_owned(), "erpnext".to_owned()])), &Known::Unread);
    assert!(new.mark == Mark::Ok && new.text.contains("frappe, erpnext (Frappe 16"), "{new:?}");
}

#[test]
fn a_stranger_is_told_why_and_no_secret() {
    let finding = of(&Said::Nobody, &Known::Read(Some(Secret::new("hunter2"))));
    let all = format!("{}{}", finding.text, finding.mends.join(" "));
    assert!(finding.mark == Mark::Fail && all.contains("`redis_queue`") && !all.contains("hunter2"), "{all}");
    let other = of(&Said::Nobody, &Known::Read(None));
    assert!(other.text.contains("not in our Redis"), "{other:?}");
    assert!(of(&Said::Nobody, &Known::Unread).text.contains("could not be read"));
}

#[test]
fn whatever_else_comes_is_explained_with_a_mend() {
    for (said, mend) in [
        (Said::Page(200), "another application"),
        (Said::Page(404), "asked for `site1.local`"),
        (Said::Failed(CallFailure::Status(404)), "asked for `site1.local`"),
        (Said::Page(502), "web.error.log"),
        (Said::Failed(CallFailure::Status(500)), "bench --site site1.local migrate"),
        (Said::Failed(CallFailure::Unreachable("refused".to_owned())), "bench start"),
        (Said::Failed(CallFailure::Late), "gunicorn_workers"),
        (Said::Failed(CallFailure::Status(403)), "wants a login"),
    ] {
        let finding = of(&said, &Known::Unread);
        let mends = finding.mends.join("\n");
        assert!(
            finding.mark == Mark::Fail && mends.contains(mend) && mends.contains("webserver_host"),
            "{finding:?}"
        );
    }
}

#[test]
fn what_is_configured_must_be_what_the_site_knows() {
    use PermissionApi::{Auto, CanSubscribe, HasPermission};
    for (found, configured, mark) in [
        (Some(HasPermission), Auto, Mark::Ok),
        (Some(CanSubscribe), CanSubscribe, Mark::Ok),
        (Some(CanSubscribe), HasPermission, Mark::Fail),
        (None, Auto, Mark::Warn),
    ] {
        assert_eq!(of_permission(found, configured, &subject(true)).mark, mark);
    }
}

#[test]
fn who_comes_with_a_cookie_or_token_is_named() {
    let cookie = Credential::Cookie(Secret::new("hunter2"));
    let token = Credential::Authorization(Secret::new("Bearer hunter2"));
    let fine = of_credential(&user("alice@example.com", None), &token);
    assert_eq!(fine, Finding::ok("--token is alice@example.com, a user of the desk"));
    assert_eq!(of_credential(&user("Guest", None), &cookie).mark, Mark::Warn);
    assert_eq!(of_credential(&Said::Failed(CallFailure::Status(401)), &token).mark, Mark::Fail);
}

#[test]
fn where_nobody_is_known_who_could_be_asked_that_is_said_with_the_setting() {
    let unknown = nowhere(&subject(true), None);
    assert!(unknown.mark == Mark::Warn && unknown.mends.join("\n").contains("--url"), "{unknown:?}");
    let address = PublicAddress::read("https://erp.example.com").unwrap();
    let foreign = nowhere(&subject(false), Some(&address));
    let mends = foreign.mends.join("\n");
    assert!(foreign.mark == Mark::Fail && mends.contains("siteAliases: [erp.example.com]"), "{foreign:?}");
}
