//! What holds for all ways to prove an identity.

mod cross_jwt_confusion;
