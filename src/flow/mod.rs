//! What one request does, compiled to steps; run by services and by clients.
