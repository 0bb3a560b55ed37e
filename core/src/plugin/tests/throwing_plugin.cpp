// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Throws whatever it is told to, wherever it is called: option `create`, the bytes received, the number of the timer.
#include <mesura/plugin.hpp>

#include <stdexcept>
#include <string>
#include <string_view>

namespace {

// Known to this library alone: its type information must not be needed by the host.
class MeterError final : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

class NamelessError final : public std::exception {
 public:
  [[nodiscard]] const char* what() const noexcept override { return nullptr; }
};

void raise(std::string_view what) {
  if (what == "std") throw std::out_of_range("register 17 of 16");
  if (what == "derived") throw MeterError("meter says no");
  if (what == "int") throw 42;
  if (what == "nameless") throw NamelessError{};
  if (what == "long") throw MeterError(std::string(503, 'x') + "\u00e9");
}

class Thrower final : public mesura::Device {
 public:
  Thrower(mesura::Host h, const mesura::SessionInfo& info) : Device(h, info) { raise(info.options.text("create")); }
  void on_open(mesura::LinkId, std::int64_t) override { raise("derived"); }
  void on_close(mesura::LinkId, std::int64_t, std::string_view reason, bool) override { raise(reason); }
  void on_bytes(mesura::LinkId, mesura::Bytes bytes, const mesura::Meta&) override {
    raise({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  void on_timer(mesura::TimerId timer, std::int64_t) override { raise(timer == 1 ? "std" : timer == 2 ? "int" : ""); }
  void on_command(const mesura::Command& command) override { raise(command.name); }
};

}  // namespace

MESURA_PLUGIN(Thrower, "throwing_plugin", "0.1.0",
              "plugin: throwing_plugin\nversion: 0.1.0\nsummary: Throws\nlinks: [{name: data, transports: [tcp]}]\n")
