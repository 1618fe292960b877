//! What went wrong in the service that Postroom takes over from: each defect that was observed there is a promise
//! here, named by its number in the list of what was observed.

mod devices;
mod order;
mod promises;
mod sites;
