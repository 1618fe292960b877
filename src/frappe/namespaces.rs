//! Frappe sites as namespaces, beside those of all other sites.

use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value;

use super::door::{Knock, check};
use super::member::FrappeMember;
use super::town::Towns;
use super::visit::Ground;
use crate::domain::{Site, WorkerId};
use crate::gateway::Gateway;
use crate::protocol::frappe::{Caller, Frappe, hostname};
use crate::transport::engine::Sid;
use crate::transport::socketio::{Member, Namespaces, Offer, Socket};

/// The Frappe sites of one worker; what is none of them is for the namespaces behind it.
pub struct FrappeNamespaces {
    gateway: Rc<Gateway>,
    worker: WorkerId,
    frappe: Arc<Frappe>,
    towns: Arc<Towns>,
    others: Rc<dyn Namespaces>,
}

impl FrappeNamespaces {
    /// Before `others`, on the worker of `gateway`.
    #[must_use]
    pub fn new(
        gateway: Rc<Gateway>,
        worker: WorkerId,
        frappe: Arc<Frappe>,
        towns: Arc<Towns>,
        others: Rc<dyn Namespaces>,
    ) -> Self {
        Self { gateway, worker, frappe, towns, others }
    }

    /// The Frappe site that a client wants to join.
    fn site(&self, namespace: &str, offer: &Offer) -> Option<Arc<Site>> {
        let name = namespace.strip_prefix('/')?;
        let site = if name.is_empty() { self.in_root(offer)? } else { self.gateway.shared().site(name)? };
        site.frappe().is_some().then_some(site)
    }

    /// The site that a client of version 14 means, which comes to the root namespace: only its address tells.
    fn in_root(&self, offer: &Offer) -> Option<Arc<Site>> {
        let named = ["x-frappe-site-name", "origin", "host"].iter().find_map(|name| offer.header(name));
        let site = self.gateway.shared().sites().at_host(hostname(named?))?;
        site.frappe().is_some_and(|frappe| frappe.in_root_namespace).then_some(site)
    }

    fn knock(&self, site: Arc<Site>, socket: Socket, offer: &Offer, token: Option<&str>) -> Rc<FrappeMember> {
        let knock = Knock {
            site_name: offer.header("x-frappe-site-name"),
            host: offer.header("host"),
            forwarded_host: offer.header("x-forwarded-host"),
            origin: offer.header("origin"),
            cookie: offer.header("cookie"),
            authorization: offer.authorization().map(crate::domain::Secret::expose),
            token,
            tokens_only: offer.tokens_only(),
        };
        let credential = match check(&site, &knock) {
            Ok(credential) => credential,
            Err(denial) => {
                tracing::info!(
                    site = %site.name, told = denial.text, detail = %denial.detail, "client not let in"
                );
                socket.refuse(denial.text);
                return FrappeMember::refused();
            }
        };
        let bench = match self.frappe.bench_of(&site) {
            Ok(bench) => bench,
            Err(why) => {
                tracing::error!(site = %site.name, %why, "redis_queue cannot be used");
                socket.refuse("Unauthorized: the server does not know the Redis of this site");
                return FrappeMember::refused();
            }
        };
        let mut caller = Caller::new(Arc::clone(&site), credential);
        caller.origin = knock.origin.map(Into::into);
        caller.forwarded_for = offer.header("x-forwarded-for").map(Into::into);
        let (gateway, frappe) = (Rc::clone(&self.gateway), Arc::clone(&self.frappe));
        let town = self.towns.of(&bench);
        let ground = Ground { gateway, frappe, bench, town, site, socket };
        FrappeMember::pending(ground, caller, Sid::random(self.worker))
    }
}

impl Namespaces for FrappeNamespaces {
    fn enter(&self, socket: Socket, offer: &Rc<Offer>, auth: Option<&str>) -> Option<Rc<dyn Member>> {
        let Some(site) = self.site(socket.namespace(), offer) else {
            let (namespace, entered) =
                (socket.namespace().to_owned(), self.others.enter(socket, offer, auth));
            if entered.is_none() {
                tracing::info!(
                    namespace,
                    address = offer.header("x-frappe-site-name").or_else(|| offer.header("host")),
                    "client not let in: there is no site of this name; its `sites/<name>/site_config.json` makes a site of a bench"
                );
            }
            return entered;
        };
        let auth: Option<Value> = auth.and_then(|auth| serde_json::from_str(auth).ok());
        let token = auth.as_ref().and_then(|auth| auth.get("token")).and_then(Value::as_str);
        Some(self.knock(site, socket, offer, token))
    }
}
