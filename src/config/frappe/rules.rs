//! Whom a Frappe site lets in: what a site of `sites.yml` and the section `frappe` of `config.yml` have in common.

use super::super::given::Fields;
use super::super::value::{self, Wanted};
use crate::domain::{CredentialRule, PermissionApi};

/// Whom a site lets in, and how it is asked about them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in super::super) struct Rules {
    /// `permissionApi`.
    pub(in super::super) permission_api: PermissionApi,
    /// `auth`.
    pub(in super::super) credentials: CredentialRule,
    /// `tokenSchemes`, in lower case.
    pub(in super::super) token_schemes: Vec<String>,
    /// `requireOrigin`.
    pub(in super::super) origin_required: bool,
}

/// Reads the rules from the keys that begin with `section`.
pub(super) fn rules(fields: &mut Fields<'_>, section: &str) -> Option<Rules> {
    let words = [
        ("auto", PermissionApi::Auto),
        ("has_permission", PermissionApi::HasPermission),
        ("can_subscribe", PermissionApi::CanSubscribe),
    ];
    let permission_api = fields.take(&format!("{section}permissionApi"), |text| value::one_of(text, &words));
    let words = [("cookie", CredentialRule::CookieOrHeader), ("token", CredentialRule::Token)];
    let credentials = fields.take(&format!("{section}auth"), |text| value::one_of(text, &words));
    let path = format!("{section}tokenSchemes");
    let token_schemes = fields.take(&path, schemes);
    // A bench may have an entrance where tokens alone are taken, whatever is taken elsewhere.
    let unused = section.is_empty() && credentials == Some(CredentialRule::CookieOrHeader);
    if unused && fields.has(&path) {
        fields.warn(&path, "does nothing without `auth: token`: any scheme is taken");
    }
    let origin_required = fields.take(&format!("{section}requireOrigin"), value::boolean);
    Some(Rules {
        permission_api: permission_api?,
        credentials: credentials?,
        token_schemes: token_schemes?,
        origin_required: origin_required?,
    })
}

/// In lower case, each once: schemes are compared without case.
fn schemes(text: &str) -> Wanted<Vec<String>> {
    let wanted =
        |_| "words that stand before a token in `Authorization`, such as Bearer, token or Basic".to_owned();
    let mut once = Vec::new();
    for scheme in value::several(text, |one| value::token(one).map_err(wanted))? {
        let scheme = scheme.to_ascii_lowercase();
        if !once.contains(&scheme) {
            once.push(scheme);
        }
    }
    if once.is_empty() { Err(wanted(String::new())) } else { Ok(once) }
}
