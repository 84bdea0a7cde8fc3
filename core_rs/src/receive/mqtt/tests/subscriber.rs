//! A broker nobody here wrote (Mosquitto), with nightlamp as its subscriber.
