//! What agents and the people for whom they act use of ours.

pub(crate) mod approvals;
pub(crate) mod enterprise;
pub(crate) mod exchange;
pub(crate) mod issued;
