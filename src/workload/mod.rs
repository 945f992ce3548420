//! Who asks what, when: a population is one process of dense rows.
