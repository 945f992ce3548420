//! System-design parts: services, load balancers, caches, stores.

pub mod cache;
pub mod load_balancer;
pub mod service;
pub mod store;

pub use cache::Cache;
pub use load_balancer::LoadBalancer;
pub use service::Service;
pub use store::Store;
