//! System-design parts: services, load balancers, stores.

pub mod load_balancer;
pub mod service;
pub mod store;

pub use load_balancer::LoadBalancer;
pub use service::Service;
pub use store::Store;
