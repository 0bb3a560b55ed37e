// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "broker.hpp"

#include <support/free_port.hpp>

#include <fstream>
#include <stdexcept>

namespace mesura::test {

Broker::Broker(const std::string& config, std::uint16_t port) {
  // The broker can't be asked for any free port: another program may be faster than it, so try a few.
  for (int attempt = 0; attempt < 10; ++attempt) {
    port_ = port != 0 ? port : free_port();
    std::ofstream{file("mosquitto.conf")} << "listener " << port_
                                          << " 127.0.0.1\nlog_dest stderr\nuser root\nmax_queued_messages 0\n"
                                          << (config.empty() ? "allow_anonymous true\n" : config);
    try {
      start();
      return;
    } catch (const std::runtime_error&) {
      if (port != 0) throw;
    }
  }
  throw std::runtime_error("no port for a broker");
}

void Broker::start() {
  Command command;
  command.argv = {"/usr/sbin/mosquitto", "-c", file("mosquitto.conf")};
  process_ = std::make_unique<Process>(std::move(command));
  process_->wait_for_line("running");
}

void Broker::stop() {
  if (process_) process_->stop();
}

void Broker::signal(int number) { process_->signal(number); }

}  // namespace mesura::test
