//! System-design parts: services, load balancers, caches, queues, stores.
