// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/plugin.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::plugin::test {

/// The least host that a session can live in: it writes down what the session says.
class FakeHost {
 public:
  explicit FakeHost(const mesura_plugin& plugin) : plugin_(plugin) {
    api_.struct_size = sizeof api_;
    api_.abi_major = MESURA_ABI_MAJOR;
    api_.abi_minor = MESURA_ABI_MINOR;
    api_.series = [](mesura_host* h, const mesura_series_info* info) {
      auto& names = self(h).series_names;
      names.push_back(std::string{abi::view(info->channel)} + "/" + std::string{abi::view(info->quantity)});
      return static_cast<std::uint32_t>(names.size() - 1);
    };
    api_.emit = [](mesura_host* h, const mesura_batch* batch) {
      auto& host = self(h);
      std::string line = std::to_string(batch->received_ns);
      for (std::uint32_t i = 0; i < batch->count; ++i) {
        const auto& m = batch->items[i];
        line += " " + host.series_names.at(m.series) + "=" + std::to_string(m.number);
      }
      host.emitted.push_back(line);
    };
    api_.fault = [](mesura_host* h, const mesura_fault* f) {
      self(h).faults.push_back(std::string{abi::view(f->code)} + " " + std::string{abi::view(f->message)} + " @" +
                               std::to_string(f->offset) + "+" + std::to_string(f->length));
    };
  }
  ~FakeHost() {
    if (session_ != nullptr) plugin_.session->destroy(session_);
  }
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;

  /// Makes the session with one text option, or with none. False: it failed, see error().
  bool create(std::string_view option = {}, std::string_view value = {}) {
    mesura_option text{};
    text.struct_size = sizeof text;
    text.type = MESURA_OPTION_TEXT;
    text.name = abi::str(option);
    text.text = abi::str(value);
    mesura_session_info info{};
    info.struct_size = sizeof info;
    info.device = abi::str("bench");
    info.options = &text;
    info.option_count = option.empty() ? 0 : 1;
    info.zone = abi::str("Europe/Brussels");
    session_ = plugin_.session->create(reinterpret_cast<mesura_host*>(this), &api_, &info, fresh_error());
    return session_ != nullptr;
  }
  std::int32_t on_open() { return plugin_.session->on_open(session_, 0, 0, fresh_error()); }
  std::int32_t on_close(std::string_view reason) {
    return plugin_.session->on_close(session_, 0, 0, abi::str(reason), 0, fresh_error());
  }
  std::int32_t on_bytes(std::string_view bytes) {
    mesura_meta meta{};
    meta.struct_size = sizeof meta;
    meta.received_ns = 1'000;
    meta.offset = offset_;
    offset_ += bytes.size();
    const mesura_bytes view{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
    return plugin_.session->on_bytes(session_, 0, view, &meta, fresh_error());
  }
  std::int32_t on_timer(std::uint32_t timer) { return plugin_.session->on_timer(session_, timer, 0, fresh_error()); }
  std::int32_t on_command(std::string_view name) {
    mesura_request request{};
    request.struct_size = sizeof request;
    request.command = abi::str(name);
    return plugin_.session->on_command(session_, &request, fresh_error());
  }

  [[nodiscard]] std::string error() const { return {error_.message, error_.size}; }

  std::vector<std::string> series_names;
  std::vector<std::string> emitted;  ///< "received_ns channel/quantity=value ..."
  std::vector<std::string> faults;   ///< "code message @offset+length"

 private:
  static FakeHost& self(mesura_host* host) { return *reinterpret_cast<FakeHost*>(host); }
  mesura_error* fresh_error() {
    error_ = {};
    error_.struct_size = sizeof error_;
    return &error_;
  }

  const mesura_plugin& plugin_;
  mesura_host_api api_{};
  mesura_error error_{};
  void* session_ = nullptr;
  std::uint64_t offset_ = 0;
};

}  // namespace mesura::plugin::test
