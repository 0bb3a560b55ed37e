// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Whether a device's network links can be had: each is opened by its own transport, and closed at once.
#pragma once

#include "config/configuration.hpp"
#include "doctor/finding.hpp"
#include "runtime/event_loop.hpp"
#include "transport/transport.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace mesura::doctor {

class LinkChecks {
 public:
  /// `loop` must not have stopped; belongs to its thread.
  explicit LinkChecks(runtime::EventLoop& loop);
  ~LinkChecks();
  LinkChecks(const LinkChecks&) = delete;
  LinkChecks& operator=(const LinkChecks&) = delete;

  /// Links over networks and brokers, addresses that devices connect to; serial and HID ports are passed over.
  void add(const config::DeviceConfig& device);
  /// An address that we want to listen on: "127.0.0.1:8080".
  void add_listener(const std::string& where, const std::string& address);
  /// All at once; those that have not ended by then are findings, too.
  void run(std::chrono::milliseconds patience, Findings& out);

 private:
  class Attempt;
  void add_transport(const std::string& where, const std::string& kind, const config::Value& options, std::string code);

  runtime::EventLoop& loop_;
  transport::Context context_;
  std::vector<std::unique_ptr<Attempt>> attempts_;
  Findings refused_;  ///< that could not even be tried
};

}  // namespace mesura::doctor
