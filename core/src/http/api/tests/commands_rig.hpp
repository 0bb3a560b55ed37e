// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Three devices that take commands, on a loop of their own thread, asked over the API without a socket.
#pragma once

#include "command/executor.hpp"
#include "http/api/api.hpp"
#include "http/api/command_desk.hpp"
#include "http/router.hpp"
#include "support/temp_dir.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace mesura::test {

/// Of "inverter" (control: true), "meter" (control: false) and "bench" (control: raw).
///
///   status                answers {"power":{"value":12.5,"unit":"W"}}
///   slow                  tells progress 1 of 3 and ends when it is called off, or by release()
///   set_voltage, set_all  send their arguments as JSON, and answer before and after
///   end HOW               sends, and ends that way
///   reset                 dangerous; raw BYTES raw; put_file CONTENT; get_file answers with bytes
class CommandHouse {
 public:
  explicit CommandHouse(http::api::CommandDesk::Options options = {});
  ~CommandHouse();
  CommandHouse(const CommandHouse&) = delete;
  CommandHouse& operator=(const CommandHouse&) = delete;

  struct Ask {
    std::string method = "POST";
    std::string target;
    std::string body;
    http::Role role = http::Role::control;
    std::string who = "peter";
    std::string type = "application/json";
  };
  [[nodiscard]] http::Response ask(const Ask& ask);
  [[nodiscard]] http::Response post(const std::string& device, const std::string& command, const std::string& body = "",
                                    http::Role role = http::Role::control);
  /// Runs it on the loop's thread and waits for its end.
  void on_loop(const std::function<void()>& work);
  /// Ends all that `slow` has begun.
  void release();
  /// Waits until `slow` has begun so many times.
  void wait_slow(std::size_t begun);
  [[nodiscard]] std::string audit() const;

  struct Sent {
    std::string device;
    std::string command;
    std::string bytes;
    config::Value arguments;
  };
  [[nodiscard]] std::vector<Sent> sent();
  [[nodiscard]] const config::PluginSchema& schema() const { return schema_; }

  TempDir directory;
  http::api::Parts parts;
  std::shared_ptr<http::api::CommandDesk> desk;
  SeriesTable table;
  http::Live live{table, 1000};

 private:
  struct Device {
    command::Control control;
    std::unique_ptr<command::Executor> executor;
    std::vector<command::CommandId> slow;
  };
  void make(const std::string& name, command::Control control);
  void begin(Device& device, const std::string& name, command::CommandId id, const config::CommandSpec& spec,
             const config::Value& arguments, bool dry_run);
  void perform(Device& device, const std::string& name, command::CommandId id, const config::CommandSpec& spec,
               const config::Value& arguments, bool dry_run);

  config::PluginSchema schema_;
  runtime::SystemClock clock_;
  runtime::EventLoop loop_{clock_};
  std::map<std::string, Device> devices_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Sent> sent_;
  std::size_t slow_ = 0;
  std::unique_ptr<http::Router> router_;
  std::thread thread_;
};

}  // namespace mesura::test
