// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "scripted_plugin.hpp"

#include <mesura/plugin.hpp>

#include <charconv>
#include <cstring>
#include <stdexcept>
#include <utility>
#include <vector>

namespace {

constexpr char kSchema[] = R"(
plugin: scripted
version: 0.1.0
summary: Does what its input says
stale_after: 20s
links: [{name: data, transports: [tcp]}]
roles: {total: grid, "pv*": solar}
options:
  create: {type: text, default: well, help: how the constructor ends}
quantities:
  wind_speed: {unit: "1", kind: gauge, decimals: 1, channels: [total], help: a word of this plugin's own}
commands:
  write: {help: sends a word, arguments: {word: {type: text, required: true, help: which}}}
  throw: {help: throws, danger: read}
)";

class Scripted final : public mesura::Device {
 public:
  Scripted(mesura::Host h, const mesura::SessionInfo& info) : Device(h, info) {
    if (info.options.text("create") == "throw") throw std::runtime_error("no room for a session");
  }

  void on_bytes(mesura::LinkId link, mesura::Bytes bytes, const mesura::Meta& meta) override {
    received_ns_ = meta.received_ns;
    for (const auto b : bytes) {
      if (b != '\n') {
        line_ += static_cast<char>(b);
        continue;
      }
      const std::string line = std::exchange(line_, {});
      run(link, line);
    }
  }
  void on_command(const mesura::Command& c) override {
    if (c.name == "throw") throw std::runtime_error("thrown by a command");
    if (!host().send_for(c.id, 0, std::to_string(c.device) + " " + std::string{c.arguments.text("word")}))
      return host().reply(c.id, MESURA_REPLY_UNREACHABLE, "not sent");
    if (c.dry_run) return host().reply(c.id, MESURA_REPLY_PLAN, {});
    host().progress(c.id, 1, 2, "written");
    asked_ = c.id;
  }
  void on_cancel(std::uint64_t request, std::int64_t) override {
    if (request != asked_) return;
    host().send_for(request, 0, "enough");
    host().reply(request, MESURA_REPLY_REFUSED, "put back");
  }
  void on_close(mesura::LinkId, std::int64_t, std::string_view, bool final) override {
    if (final && !line_.empty()) emit({"total", "active_power"}, 99);
  }
  void on_timer(mesura::TimerId, std::int64_t now_ns) override {
    received_ns_ = now_ns;
    emit({"total", "active_power"}, 7);
  }

 private:
  static std::string_view word(std::string_view& rest) {
    const auto w = rest.substr(0, rest.find(' '));
    rest.remove_prefix(w.size() < rest.size() ? w.size() + 1 : rest.size());
    return w;
  }
  void emit(const mesura::Series& series, double value) {
    const auto m = mesura::number(host().series(series), value);
    host().emit({&m, 1}, MESURA_NO_TIME, received_ns_, series.device);
  }
  /// A block of `count` rows from row `first` on, `gap` rows lost before it; row n is (n, -n).
  void rows(std::string_view first, std::string_view count, std::string_view gap) {
    const auto number = [](std::string_view text) {
      std::uint32_t n = 0;
      std::from_chars(text.data(), text.data() + text.size(), n);
      return n;
    };
    mesura_waveform block{};
    block.stream = stream_;
    block.received_ns = received_ns_;
    block.first_row = number(first);
    block.rows = number(count);
    block.gap_rows = number(gap);
    // Off by one byte: samples lie in received bytes as they come.
    std::vector<std::uint8_t> bytes(1 + block.rows * 2 * sizeof(float));
    for (std::uint32_t row = 0; row < block.rows; ++row) {
      const float values[] = {static_cast<float>(block.first_row + row), -static_cast<float>(block.first_row + row)};
      std::memcpy(bytes.data() + 1 + row * sizeof values, values, sizeof values);
    }
    block.samples = bytes.data() + 1;
    host().waveform(block);
  }
  void run(mesura::LinkId link, std::string_view rest) {
    const auto verb = word(rest);
    if (verb == "bad") return host().fault({MESURA_FAULT_FRAME, "bad_frame", "expected a verb, got bad", 3, 4, link});
    if (verb == "throw") throw std::runtime_error(std::string{rest});
    if (verb == "fail") return host().fail("scripted-fail", rest);
    host().frame(link, {});
    if (verb == "set") {
      const auto channel = word(rest);
      const auto quantity = word(rest);
      double value = 0;
      std::from_chars(rest.data(), rest.data() + rest.size(), value);
      emit({channel, quantity}, value);
    } else if (verb == "text") {
      const auto channel = word(rest);
      const auto quantity = word(rest);
      const auto m = mesura::text(host().series({channel, quantity}), rest);
      host().emit({&m, 1}, MESURA_NO_TIME, received_ns_);
    } else if (verb == "timer") {
      host().arm(1, std::chrono::seconds{10});
    } else if (verb == "unit") {
      const auto key = word(rest);
      mesura::Series series{"total", "active_power"};
      series.device = host().device(key, rest);
      emit(series, 1);
    } else if (verb == "stream") {
      const std::string_view names[] = {"v_l1", "i_l1"};
      const std::string_view units[] = {"V", "mA"};
      stream_ = host().stream({received_ns_, 1e6, names, units});
    } else if (verb == "rows") {
      const auto first = word(rest);
      const auto count = word(rest);
      rows(first, count, rest);
    } else if (verb == "drop") {
      host().reopen(link, "asked to");
    } else if (verb == "done") {
      host().reply(asked_, MESURA_REPLY_DONE, rest, R"({"before":1,"after":2})");
    } else if (verb == "send") {
      host().send(link, rest);
    }
  }

  std::string line_;
  std::uint64_t asked_ = 0;
  std::int64_t received_ns_ = 0;
  mesura::StreamId stream_ = MESURA_NO_STREAM;
};

}  // namespace

MESURA_PLUGIN(Scripted, "scripted", "0.1.0", kSchema)

namespace mesura::test {

const plugin::LoadedPlugin& scripted_plugin() {
  static plugin::PluginSet set;
  static const plugin::LoadedPlugin* loaded = set.add(*mesura_plugin_query(nullptr, nullptr));
  if (loaded == nullptr) throw std::logic_error(set.refused().back().reason);
  return *loaded;
}

void Port::open(transport::Listener& listener) {
  listener_ = &listener;
  wire_.port = this;
}

void Port::close() {
  listener_ = nullptr;
  if (wire_.port == this) wire_.port = nullptr;
}

bool Port::send(transport::Bytes bytes, std::string_view) {
  wire_.sent.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return true;
}

bool Port::live() const { return wire_.live; }

void Port::receive(std::string_view text) {
  const transport::Meta meta{.received_ns = loop_.clock().wall_ns(), .offset = offset_};
  offset_ += text.size();
  listener_->on_bytes({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, meta);
}

void Port::end(bool final) {
  auto* listener = listener_;
  close();
  listener->on_closed({"eof", "a wire: it was cut"}, final);
}

}  // namespace mesura::test
