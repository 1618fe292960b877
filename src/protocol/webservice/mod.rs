//! The protocol of crossroads/socket.io-webservice.
