// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Any bytes, cut anywhere: no crash, and the same lines, frames and faults as in one piece; then the same bytes to a
// live session, to a fleet, as datagrams and as MQTT messages. The goldens are the seeds.
#include <cstdint>
#include <cstdlib>
#include <mesura/plugin.hpp>
#include <string>

#include "framer.hpp"
#include "session.hpp"

extern "C" const mesura_plugin* mesura_plugin_query(const mesura_host_info*, mesura_error*);

namespace {

using mesura::Bytes;
using namespace mesura::smartmeter;

/// Everything that a framer says, as text.
class Transcript final : public FramerSink {
 public:
  explicit Transcript(std::size_t row) : framer_(*this) { framer_.expect(row, 4096); }
  void on_line(std::string_view text, Bytes, std::uint64_t offset) override {
    text_ += "line " + std::to_string(offset) + ' ';
    text_.append(text) += '\n';
  }
  void on_frame(const Frame& f) override {
    text_ += "frame " + std::to_string(f.offset) + ' ' + std::to_string(f.number) + ' ' +
             std::to_string(f.payload.size()) + '\n';
  }
  void on_framing_fault(mesura_fault_kind, std::string_view code, std::string_view, std::uint64_t offset,
                        std::uint64_t length) override {
    text_.append(code) += ' ' + std::to_string(offset) + ' ' + std::to_string(length) + '\n';
  }
  const std::string& run(Bytes bytes, std::size_t piece) {
    for (std::uint64_t offset = 0; !bytes.empty();) {
      const Bytes part = bytes.first(std::min(piece, bytes.size()));
      framer_.push(part, offset);
      offset += part.size();
      bytes = bytes.subspan(part.size());
    }
    framer_.finish();
    return text_;
  }

 private:
  std::string text_;
  Framer framer_;
};

/// A host that takes everything and remembers nothing.
const mesura_host_api& silent_host() {
  static const mesura_host_api api = [] {
    mesura_host_api t{};
    t.struct_size = sizeof t;
    t.device = [](mesura_host*, mesura_str, mesura_str) { return 1U; };
    t.series = [](mesura_host*, const mesura_series_info*) { return 0U; };
    t.attribute = [](mesura_host*, std::uint32_t, mesura_str, mesura_str) {};
    t.emit = [](mesura_host*, const mesura_batch*) {};
    t.stream = [](mesura_host*, const mesura_stream_info*) { return 0U; };
    t.waveform = [](mesura_host*, const mesura_waveform* w) {
      if (w->rows == 0) std::abort();
    };
    t.frame = [](mesura_host*, std::uint32_t, mesura_bytes) {};
    t.fault = [](mesura_host*, const mesura_fault*) {};
    t.send = [](mesura_host*, std::uint32_t, mesura_bytes, mesura_str) { return 0; };
    t.arm = [](mesura_host*, std::uint32_t, std::int64_t) {};
    t.open = [](mesura_host*, std::uint32_t, mesura_str) { return 0; };
    t.close = [](mesura_host*, std::uint32_t) {};
    t.drop = [](mesura_host*, std::uint32_t, mesura_str) {};
    t.reopen = [](mesura_host*, std::uint32_t, mesura_str) {};
    t.log = [](mesura_host*, std::uint32_t, mesura_str) {};
    return t;
  }();
  return api;
}

void session(std::string_view kind, bool live, Bytes bytes, std::size_t piece) {
  const mesura_link_info command{sizeof command, 0, mesura::abi::str(kind), mesura::abi::str("10.0.0.1:54321")};
  const mesura_link_info data{sizeof data, 1, {}, {}};
  const mesura_link_info* const links[] = {&command, &data};
  mesura_session_info info{};
  info.struct_size = sizeof info;
  info.live = live ? 1 : 0;
  info.links = links;
  info.link_count = 2;
  info.fleet = kind == "tcp_listen" ? 1 : 0;
  mesura_error error{};
  error.struct_size = sizeof error;
  const mesura_session_api& api = *mesura_plugin_query(nullptr, nullptr)->session;
  void* const s = api.create(nullptr, &silent_host(), &info, &error);
  if (s == nullptr) std::abort();
  mesura_meta meta{};
  meta.struct_size = sizeof meta;
  meta.peer = mesura::abi::str("10.0.0.1:4000");
  meta.topic = mesura::abi::str(piece % 2 == 0 ? "powermeter/a/state/info" : "powermeter/a/state/sample");
  constexpr std::string_view kGreeting = "Info:{\"cmd\":\"info\",\"type\":\"smartmeter\",\"name\":\"a\"}\r\n";
  if (api.on_open(s, 0, 0, &error) != 0) std::abort();
  if (live)
    api.on_bytes(s, 0, {reinterpret_cast<const std::uint8_t*>(kGreeting.data()), kGreeting.size()}, &meta, &error);
  for (std::uint32_t n = 0; !bytes.empty(); ++n) {
    const Bytes part = bytes.first(std::min(piece, bytes.size()));
    meta.received_ns += 1'000'000;
    meta.offset += part.size();
    if (api.on_bytes(s, n % 7 == 6 ? 1 : 0, mesura::abi::bytes(part), &meta, &error) != 0) std::abort();
    if (live && api.on_timer(s, 0, meta.received_ns, &error) != 0) std::abort();
    bytes = bytes.subspan(part.size());
  }
  if (api.on_close(s, 0, meta.received_ns, {}, 1, &error) != 0) std::abort();
  api.destroy(s);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t choice = data[size - 1];
  const Bytes bytes{data, size};
  const std::size_t row = std::size_t{8} * (choice % 4U), piece = 1U + choice % 97U;
  Transcript whole(row), cut(row);
  if (whole.run(bytes, size) != cut.run(bytes, piece)) std::abort();
  session("file", false, bytes, size);
  for (const char* kind : {"tcp", "tcp_listen", "serial", "mqtt"})
    session(kind, true, bytes, kind[0] == 'm' ? size : 509);
  return 0;
}
