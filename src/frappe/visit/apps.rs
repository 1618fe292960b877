//! Events of apps: carrying out what a rule or the site says about them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use serde_json::{Value, json};

use super::Visit;
use crate::domain::app_events::{AppEvent, AppEvents, EventHook, RoomKind};
use crate::domain::{Event, Room};
use crate::frappe::rules::{Ask, Emit, Facts, Hearers, Join, Orders, Pace, Plan, Saying, To, asked, plan};
use crate::protocol::frappe::Asked;
use crate::telemetry::Seldom;

type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// Events of one client that wait for the site's hook.
const LINE: usize = 32;

static TOO_FAST: Seldom = Seldom::new();
static UNHEARD: Seldom = Seldom::new();

/// Where a client stands with the events of apps.
#[derive(Default)]
pub(super) struct Apps {
    pace: Pace,
    /// What the hook is still to be asked about: one after the other, so that a later event is not overtaken.
    line: RefCell<VecDeque<Asked>>,
    asking: Cell<bool>,
}

impl Visit {
    /// The client says something that Frappe itself knows nothing of.
    pub(super) fn hear_app(self: &Rc<Self>, event: &str, args: &[Value]) {
        let Some(events) = self.app_events() else { return };
        let rule = events.rules.get(event);
        let rule = rule.filter(|rule| self.may_use(rule.app.as_deref(), rule.guests));
        let is_known = events.rules.contains_key(event);
        let hook = events.hook.as_ref().filter(|hook| !is_known && self.is_heard(hook, event));
        if rule.is_none() && hook.is_none() {
            return;
        }
        if !self.apps.pace.allows(Instant::now()) {
            if let Some(more) = TOO_FAST.due() {
                tracing::warn!(site = %self.ground.site.name, more, "a client says more than its share; some of it was dropped");
            }
            return;
        }
        match (rule, hook) {
            (Some(rule), _) => self.follow(rule, args),
            (None, Some(hook)) => self.consult(hook, event, args),
            (None, None) => {}
        }
    }

    fn app_events(&self) -> Option<Arc<AppEvents>> {
        let rules = &self.ground.site.frappe()?.rules;
        (!rules.is_empty()).then(|| Arc::clone(rules))
    }

    /// Sites before version 16 do not say which apps they have: there a rule counts.
    fn may_use(&self, app: Option<&str>, guests: bool) -> bool {
        let apps = self.user.apps.as_ref();
        let has = |app: &str| apps.is_none_or(|apps| apps.iter().any(|known| known == app));
        (guests || !self.user.is_guest()) && app.is_none_or(has)
    }

    fn is_heard(&self, hook: &EventHook, event: &str) -> bool {
        hook.hears(event) && self.may_use(hook.app.as_deref(), hook.guests)
    }

    fn facts<'a>(&'a self, args: &'a [Value]) -> Facts<'a> {
        Facts { user: &self.user.name, site: self.ground.site.name.as_str(), args }
    }

    fn follow(self: &Rc<Self>, rule: &AppEvent, args: &[Value]) {
        let Some(mut plan) = plan(rule, &self.facts(args)) else {
            tracing::debug!(site = %self.ground.site.name, "an event of an app with arguments that mean nothing");
            return;
        };
        let id = self.attendance.id();
        if plan.must_be_in.as_ref().is_some_and(|room| !self.ground.gateway.hub().is_in(id, room)) {
            return;
        }
        match plan.ask.take() {
            None => self.carry_out(&plan),
            Some(ask) => self.ask_first(ask, plan),
        }
    }

    fn ask_first(self: &Rc<Self>, ask: Ask, plan: Plan) {
        let wish = match &plan.join {
            Some(join) => self.wishes.make(&join.room),
            None => self.wishes.begin().then_some(0),
        };
        let Some(wish) = wish else {
            tracing::debug!(site = %self.ground.site.name, "a client asks for more at a time than is looked up");
            return;
        };
        let asked = self.asked(ask);
        let visit = Rc::downgrade(self);
        tokio::task::spawn_local(async move {
            let allowed = asked.await;
            let Some(visit) = visit.upgrade() else { return };
            let counts = if let Some(join) = &plan.join {
                visit.wishes.settle(&join.room, wish)
            } else {
                visit.wishes.finish();
                true
            };
            if counts && allowed {
                visit.carry_out(&plan);
            }
        });
    }

    fn asked(&self, ask: Ask) -> LocalFuture<bool> {
        let (frappe, caller) = (&self.ground.frappe, Arc::clone(&self.caller));
        match ask {
            Ask::Permission { doctype, name } => frappe.may_see(caller, &doctype, name.as_deref()),
            Ask::Call { method, args } => {
                let call = frappe.call(caller, Asked::get(&method, args));
                Box::pin(async move { call.await.is_ok_and(|answer| answer.is_truthy()) })
            }
        }
    }

    fn carry_out(&self, plan: &Plan) {
        if let Some(room) = &plan.leave {
            self.leave(room);
        }
        if let Some(Join { room, watch }) = &plan.join {
            match watch {
                Some(notices) => self.enter(room, notices.clone()),
                None => self.join(room),
            }
            if !self.ground.gateway.hub().is_in(self.attendance.id(), room) {
                return;
            }
        }
        for saying in &plan.sayings {
            self.say(saying);
        }
    }

    fn say(&self, saying: &Saying) {
        let users_of = saying.users_of.as_ref().map(|room| self.place(room));
        let users = users_of.map(|place| self.ground.town.users(&place)).unwrap_or_default();
        let users: Vec<&str> = users.iter().map(|user| &**user).collect();
        let event = match &saying.payload {
            Some(payload) => json!([saying.event, payload.json(&users)]),
            None => json!([saying.event]),
        };
        match &saying.to {
            Hearers::Caller => self.ground.socket.emit(&event.to_string(), &[]),
            Hearers::Room { room, others } => self.relay(room, event.to_string(), *others),
        }
    }

    fn relay(&self, room: &Room, json: String, others: bool) {
        let except = others.then(|| self.session());
        let event = Event::stored(Bytes::from(json));
        self.ground.town.relay(&self.ground.bench, &self.place(room), event, except);
    }

    fn consult(self: &Rc<Self>, hook: &EventHook, event: &str, args: &[Value]) {
        // At once: what waits is no longer than what is sent, while read it may take many times as much.
        let Some(asked) = asked(hook, &self.caller.credential, event, &self.sid, &self.facts(args)) else {
            return unheard(self.ground.site.name.as_str(), "an event was too long to be handed on");
        };
        let mut line = self.apps.line.borrow_mut();
        if line.len() >= LINE {
            if let Some(more) = TOO_FAST.due() {
                tracing::warn!(site = %self.ground.site.name, more, "events of a client wait for `eventHook`; some were dropped");
            }
            return;
        }
        line.push_back(asked);
        drop(line);
        if !self.apps.asking.replace(true) {
            let visit = Rc::downgrade(self);
            tokio::task::spawn_local(async move {
                while let Some(call) = visit.upgrade().and_then(|visit| visit.next_call()) {
                    let orders = call.await;
                    let Some(visit) = visit.upgrade() else { return };
                    visit.obey(orders);
                }
            });
        }
    }

    /// The call about the event that is next; `None` where none waits any more.
    fn next_call(&self) -> Option<LocalFuture<Orders>> {
        let Some(asked) = self.apps.line.borrow_mut().pop_front() else {
            self.apps.asking.set(false);
            return None;
        };
        let site = Arc::clone(&self.ground.site);
        let call = self.ground.frappe.call(Arc::clone(&self.caller), asked);
        Some(Box::pin(async move {
            let message = call.await.and_then(|answer| answer.message());
            let orders = message.map_err(|failure| failure.to_string()).and_then(Orders::read);
            orders.unwrap_or_else(|why| {
                unheard(site.name.as_str(), &why);
                Orders::default()
            })
        }))
    }

    fn obey(&self, orders: Orders) {
        for room in &orders.leave {
            self.leave(&Room::stored(room));
        }
        for room in &orders.join {
            let room = Room::stored(room);
            match RoomKind::of(room.as_str()) {
                RoomKind::OpenDoc => self.enter(&room, Vec::new()),
                _ => self.join(&room),
            }
        }
        for Emit { to, others, json } in orders.emit {
            match to {
                To::Caller => self.ground.socket.emit(&json, &[]),
                To::Room(room) => self.relay(&Room::stored(&room), json, others),
            }
        }
    }
}

fn unheard(site: &str, why: &str) {
    if let Some(more) = UNHEARD.due() {
        tracing::warn!(site, why, more, "`eventHook` brought nothing");
    }
}
