//! Name lookups, one at a time per name. The system's resolver blocks a thread for as long as it takes; a site
//! whose name server hangs must not take one for each of its calls.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::watch;

type Found = Result<Arc<[SocketAddr]>, String>;
type Lookups = Mutex<HashMap<String, watch::Receiver<Option<Found>>>>;

/// Looks names up, sharing lookups that run already. Remembers nothing: that is the system's business.
#[derive(Default)]
pub(super) struct Names {
    running: Arc<Lookups>,
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let mut found = self.share(name.as_str());
        Box::pin(async move {
            let found = found.wait_for(Option::is_some).await?.clone();
            match found.unwrap_or_else(|| Err("no answer".to_owned())) {
                Ok(addresses) => Ok(Box::new(Vec::from(&*addresses).into_iter()) as Addrs),
                Err(reason) => Err(reason.into()),
            }
        })
    }
}

impl Names {
    /// The lookup of `name` that runs, or a new one.
    fn share(&self, name: &str) -> watch::Receiver<Option<Found>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lookup) = running.get(name) {
            return lookup.clone();
        }
        let (tell, found) = watch::channel(None);
        running.insert(name.to_owned(), found.clone());
        tokio::spawn(look_up(Arc::clone(&self.running), name.to_owned(), tell));
        found
    }
}

async fn look_up(running: Arc<Lookups>, name: String, tell: watch::Sender<Option<Found>>) {
    // Port 0: the port of the address is put in by the connector.
    let found = tokio::net::lookup_host((name.as_str(), 0)).await;
    running.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
    tell.send_replace(Some(found.map(Iterator::collect).map_err(|error| error.to_string())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn equal_lookups_share_one_and_nothing_is_remembered() {
        let names = Names::default();
        let (mut one, two) = (names.share("localhost"), names.share("localhost"));
        assert!(one.same_channel(&two));
        let found = one.wait_for(Option::is_some).await.unwrap().clone().unwrap();
        assert!(found.unwrap().iter().all(|address| address.ip().is_loopback()));
        assert!(names.running.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_is_an_error() {
        // No label is that long: the resolver fails without asking anybody.
        let name = "x".repeat(64).parse::<Name>().unwrap();
        assert!(Names::default().resolve(name).await.is_err());
    }
}
