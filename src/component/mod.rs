//! System-design parts: services, load balancers, caches, queues, stores.

pub mod cache;
pub mod load_balancer;
pub mod queue;
mod request;
pub mod service;
pub mod store;

pub use cache::Cache;
pub use load_balancer::LoadBalancer;
pub use queue::Queue;
pub use service::Service;
pub use store::Store;
