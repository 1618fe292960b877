//! `appEvents` and `eventHook`, where they stand.

use super::{Desk, GOOD_SITES};

const RULE: &str = "appEvents: { ev: { join: app } }";

#[test]
fn a_frappe_site_has_rules_of_its_own() {
    let mut desk = Desk::new();
    desk.sites(&format!("erp:\n  protocol: frappe\n  redisQueue: redis://127.0.0.1:1\n  {RULE}\n"));
    let settings = desk.settings();
    assert!(settings.sites[0].frappe().unwrap().rules.rules.contains_key("ev"));
    desk.sites(
        "erp:\n  protocol: frappe\n  redisQueue: redis://127.0.0.1:1\n  appEvents: { ev: { jion: app } }\n",
    );
    assert!(
        desk.errors().starts_with("sites.yml:4:22: appEvents.ev.jion: is not a setting"),
        "{}",
        desk.errors()
    );
}

#[test]
fn what_came_out_of_the_environment_is_not_quoted() {
    let mut desk = Desk::new();
    desk.env("KEY", "{hunter2}");
    for rule in [
        "join: 'app:${KEY}'",
        "args: ['${KEY}'], join: app",
        "join: app, relay: { event: e, to: self, payload: ['${KEY}'] }",
        "join: app, call: { method: '${KEY}' }",
    ] {
        desk.sites(&format!(
            "erp:\n  protocol: frappe\n  redisQueue: redis://127.0.0.1:1\n  appEvents: {{ ev: {{ {rule} }} }}\n"
        ));
        let errors = desk.errors();
        assert!(errors.starts_with("sites.yml:4:") && !errors.contains("hunter2"), "{errors}");
    }
}

#[test]
fn what_is_missing_in_the_environment_is_said_once() {
    let mut desk = Desk::new();
    for rule in ["args: '${GONE}', join: app", "args: ['${GONE}'], join: app", "join: 'app:${GONE}'"] {
        desk.sites(&format!(
            "erp:\n  protocol: frappe\n  redisQueue: redis://127.0.0.1:1\n  appEvents: {{ ev: {{ {rule} }} }}\n"
        ));
        let errors = desk.errors();
        assert!(errors.contains("GONE") && errors.lines().count() == 1, "{errors}");
    }
}

#[test]
fn other_sites_have_no_apps() {
    let mut desk = Desk::new();
    desk.sites(&format!("{GOOD_SITES}  {RULE}\n"));
    assert!(
        desk.errors().contains(": appEvents: is a setting of a Frappe site; add `protocol: frappe`"),
        "{}",
        desk.errors()
    );
}

#[test]
fn the_sites_of_a_bench_share_the_rules_of_the_process() {
    let mut desk = Desk::new();
    std::fs::create_dir_all(desk.path("bench/sites/erp")).unwrap();
    std::fs::create_dir_all(desk.path("bench/apps")).unwrap();
    for (file, text) in [
        ("common_site_config.json", r#"{"redis_queue":"redis://127.0.0.1:1"}"#),
        ("erp/site_config.json", "{}"),
    ] {
        desk.write(&format!("bench/sites/{file}"), text);
    }
    let root = desk.path("bench").display().to_string();
    desk.config(&format!(
        "frappe:\n  benchRoot: {root}\n  {RULE}\n  eventHook: {{ method: a.b, events: all }}\n"
    ));
    let site = desk.settings().bench.unwrap().site("erp").unwrap();
    let rules = &site.frappe().unwrap().rules;
    assert!(rules.rules.contains_key("ev") && rules.hook.is_some());
    desk.config(&format!("frappe:\n  {RULE}\n"));
    let warnings = desk.warnings();
    assert!(
        warnings.starts_with("config.yml:2:3: frappe.appEvents: does nothing without a bench"),
        "{warnings}"
    );
}
