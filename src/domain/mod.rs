//! The words of Postroom: sites, rooms, events, messages, devices, sequence numbers.
//!
//! Pure: no async, no I/O, no clock of its own. Everything else imports from here; this room imports
//! nothing of the house.

mod address;
pub mod app_events;
mod delivery;
mod flake;
mod frappe;
mod keeping;
mod message;
mod room;
mod share;
mod site;

pub use address::{DeviceKey, DeviceNo, ReplyTo, SessionRef, WorkerId};
pub use delivery::{AckId, Page, Receipt, Seq};
pub use flake::{Flake, FlakeError, MessageId};
pub use frappe::{CredentialRule, FrappeSite, PermissionApi, WebServer};
pub use keeping::{DeviceTtl, Durability};
pub use message::{Event, EventError, Message, RESERVED_EVENTS};
pub use room::{Membership, Room};
pub use share::fair_share;
pub use site::{BoundPolicy, Protocol, QueueBounds, Secret, Site, SiteName, SiteNameError, WebserviceSite};
