//! Permission: which method a site has, and what it answers.

use std::sync::atomic::Ordering;

use serde_json::Value;

use super::ask::{Answer, Asked, CallFailure};
use super::calls::{Asking, Desk};
use crate::domain::PermissionApi;

/// How a site is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `has_permission` answers with a `message` that is true.
    HasPermission,
    /// `can_subscribe_doc` and `can_subscribe_doctype` answer with status 200.
    CanSubscribe,
}

impl Dialect {
    /// What is configured.
    fn configured(asking: &Asking) -> Option<Self> {
        match asking.caller.site.frappe()?.permission_api {
            PermissionApi::HasPermission => Some(Self::HasPermission),
            PermissionApi::CanSubscribe => Some(Self::CanSubscribe),
            PermissionApi::Auto => None,
        }
    }

    /// What was found out; at first it is tried as if it were of today.
    fn found(desk: &Desk) -> Self {
        if desk.dialect.load(Ordering::Relaxed) == 2 { Self::CanSubscribe } else { Self::HasPermission }
    }

    fn other(self) -> Self {
        match self {
            Self::HasPermission => Self::CanSubscribe,
            Self::CanSubscribe => Self::HasPermission,
        }
    }

    fn question(self, doctype: &str, name: Option<&str>) -> Asked {
        match self {
            Self::HasPermission => has_permission(doctype, name),
            Self::CanSubscribe => can_subscribe(doctype, name),
        }
    }

    fn allows(self, answer: &Answer) -> bool {
        match self {
            Self::HasPermission => answer.is_truthy(),
            Self::CanSubscribe => answer.is_ok(),
        }
    }

    /// Found out; holds until something else is.
    pub(super) fn note(self, desk: &Desk) {
        let number = match self {
            Self::HasPermission => 1,
            Self::CanSubscribe => 2,
        };
        desk.dialect.store(number, Ordering::Relaxed);
    }
}

/// Whether the client may see a document, or the documents of a type.
pub(super) async fn may_see(
    asking: Asking,
    doctype: String,
    name: Option<String>,
) -> Result<bool, CallFailure> {
    let configured = Dialect::configured(&asking);
    let first = configured.unwrap_or_else(|| Dialect::found(&asking.desk));
    let answer = asking.ask(&first.question(&doctype, name.as_deref())).await?;
    // Also where it was found out before: another version may have been installed since.
    if configured.is_some() || !answer.lacks_method() {
        return Ok(first.allows(&answer));
    }
    let other = first.other();
    let answer = asking.ask(&other.question(&doctype, name.as_deref())).await?;
    // What a client says may stand in a refusal, and look like a method that is not there.
    if !answer.lacks_method() {
        other.note(&asking.desk);
    }
    Ok(other.allows(&answer))
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

pub(super) fn has_permission(doctype: &str, name: Option<&str>) -> Asked {
    let query = vec![pair("doctype", doctype), pair("name", name.unwrap_or_default())];
    Asked::get("frappe.realtime.has_permission", query)
}

fn can_subscribe(doctype: &str, name: Option<&str>) -> Asked {
    match name {
        None => Asked::get("frappe.realtime.can_subscribe_doctype", vec![pair("doctype", doctype)]),
        Some(name) => Asked::get(
            "frappe.realtime.can_subscribe_doc",
            vec![pair("doctype", doctype), pair("docname", name)],
        ),
    }
}

/// As JavaScript sees it.
pub(super) fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn truth_is_that_of_javascript() {
        for (value, truth) in [
            (json!(null), false),
            (json!(false), false),
            (json!(0), false),
            (json!(-0.0), false),
            (json!(""), false),
            (json!(true), true),
            (json!(1), true),
            (json!("0"), true),
            (json!([]), true),
            (json!({}), true),
        ] {
            assert_eq!(is_truthy(&value), truth, "{value}");
        }
    }
}
