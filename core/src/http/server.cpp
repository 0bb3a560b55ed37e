// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/server.hpp"

#include "http/front.hpp"
#include "http/listen_address.hpp"

#include <utility>

namespace mesura::http {

Server::Server(const ServerOptions& options, std::shared_ptr<Authenticator> authenticator, runtime::Logger log)
    : front_(std::make_unique<Front>(options, std::move(authenticator), std::move(log))) {}
Server::~Server() { stop(std::chrono::milliseconds{0}); }

void Server::add_listener(ListenerOptions options, std::vector<Route> routes) {
  front_->add_listener(std::move(options), std::move(routes));
}
void Server::start() { front_->start(); }
void Server::stop(std::chrono::milliseconds grace) { front_->stop(grace); }

std::vector<std::string> Server::addresses() const { return front_->addresses(); }
std::uint16_t Server::port(std::size_t i) const { return parse_listen_address(address(i)).value().port; }
Counters Server::counters() const { return front_->counters(); }

}  // namespace mesura::http
