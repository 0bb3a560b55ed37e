// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// SmartMeter streaming, full path, one thread: six-channel TCP frames of 42 rows through the session as the host calls
// it (C table, framing, numbers, waveform blocks handed over and copied out), with and without the values of each
// second, beside memcpy of the same bytes in the same run.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mesura/plugin.hpp>
#include <new>
#include <string>
#include <vector>

extern "C" const mesura_plugin* mesura_plugin_query(const mesura_host_info*, mesura_error*);

namespace {
std::uint64_t allocations = 0;
}

void* operator new(std::size_t size) {
  ++allocations;
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc{};
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kRows = 42, kFrames = 4000;
constexpr int kRounds = 60;
constexpr std::int64_t kStart = 1'614'697'441'000'000'000;

/// What the host does with a block on its side of the border: copy it into a larger one.
struct Host {
  std::vector<char> block = std::vector<char>(1U << 17U);
  std::size_t used = 0;
  std::uint64_t rows = 0, gaps = 0, faults = 0, measurements = 0;
  std::uint32_t series = 0;

  static Host& self(mesura_host* host) { return *reinterpret_cast<Host*>(host); }
  static mesura_host_api table() {
    mesura_host_api t{};
    t.struct_size = sizeof t;
    t.abi_major = MESURA_ABI_MAJOR;
    t.abi_minor = MESURA_ABI_MINOR;
    t.series = [](mesura_host* h, const mesura_series_info*) { return self(h).series++; };
    t.attribute = [](mesura_host*, std::uint32_t, mesura_str, mesura_str) {};
    t.emit = [](mesura_host* h, const mesura_batch* batch) { self(h).measurements += batch->count; };
    t.stream = [](mesura_host*, const mesura_stream_info*) { return 0U; };
    t.waveform = [](mesura_host* h, const mesura_waveform* w) {
      Host& host = self(h);
      const std::size_t size = std::size_t{w->rows} * 24;
      if (host.used + size > host.block.size()) host.used = 0;
      std::memcpy(host.block.data() + host.used, w->samples, size);
      host.used += size;
      host.rows += w->rows;
      host.gaps += w->gap_rows;
    };
    t.frame = [](mesura_host*, std::uint32_t, mesura_bytes) {};
    t.fault = [](mesura_host* h, const mesura_fault*) { ++self(h).faults; };
    t.send = [](mesura_host*, std::uint32_t, mesura_bytes, mesura_str) { return 0; };
    t.arm = [](mesura_host*, std::uint32_t, std::int64_t) {};
    t.log = [](mesura_host*, std::uint32_t, mesura_str) {};
    return t;
  }
};

mesura_option option(const char* name, std::int64_t value) {
  mesura_option o{};
  o.struct_size = sizeof o;
  o.type = MESURA_OPTION_BOOL;
  o.name = mesura::abi::str(name);
  o.integer = value;
  return o;
}

class Session {
 public:
  Session(Host& host, bool derive) : api_(Host::table()), plugin_(*mesura_plugin_query(nullptr, nullptr)) {
    const mesura_option options[] = {option("derive", derive ? 1 : 0)};
    const mesura_link_info link{sizeof link, 0, mesura::abi::str("tcp"), mesura::abi::str("192.168.0.138:54321")};
    const mesura_link_info none{sizeof none, 1, {}, {}};
    const mesura_link_info* const links[] = {&link, &none};
    mesura_session_info info{};
    info.struct_size = sizeof info;
    info.live = 1;
    info.now_ns = kStart;
    info.options = options;
    info.option_count = 1;
    info.links = links;
    info.link_count = 2;
    session_ = plugin_.session->create(reinterpret_cast<mesura_host*>(&host), &api_, &info, &error_);
    if (session_ == nullptr) std::abort();
    plugin_.session->on_open(session_, 0, info.now_ns, &error_);
    push(R"(Info:{"cmd":"info","type":"smartmeter","name":"bench","ip":"192.168.0.138"})"
         "\r\n",
         kStart);
  }
  ~Session() { plugin_.session->destroy(session_); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// A new run: packet numbers begin again.
  void begin() {
    push(R"(Info:{"error":false,"cmd":"sample","measures":"v,i,v,i,v,i","chunksize":1008,"samplingrate":32000,)"
         R"("measurements":6,"unit":"V,mA,V,mA,V,mA","startTs":"1614697441.000"})"
         "\r\n",
         kStart);
  }
  void restart() {
    plugin_.session->on_close(session_, 0, kStart, mesura::abi::str("again"), 0, &error_);
    plugin_.session->on_open(session_, 0, kStart, &error_);
    push(R"(Info:{"cmd":"info","type":"smartmeter","name":"bench","ip":"192.168.0.138"})"
         "\r\n",
         kStart);
    begin();
  }
  void push(std::string_view bytes, std::int64_t received_ns) {
    mesura_meta meta{};
    meta.struct_size = sizeof meta;
    meta.received_ns = received_ns;
    meta.offset = offset_;
    offset_ += bytes.size();
    if (plugin_.session->on_bytes(session_, 0, {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()},
                                  &meta, &error_) != 0)
      std::abort();
  }

 private:
  mesura_host_api api_;
  const mesura_plugin& plugin_;
  mesura_error error_{};
  void* session_ = nullptr;
  std::uint64_t offset_ = 0;
};

std::string make_stream() {
  std::string bytes;
  for (std::size_t n = 0; n < kFrames; ++n) {
    bytes += "Data:";
    for (const int shift : {0, 8}) bytes += static_cast<char>((kRows * 24) >> shift);
    for (const int shift : {0, 8, 16, 24}) bytes += static_cast<char>(n >> shift);
    for (std::size_t r = 0; r < kRows; ++r)
      for (int k = 0; k < 3; ++k) {
        const double angle = 2 * 3.14159265358979 * 50 * static_cast<double>(n * kRows + r) / 32000 - k * 2.0943951;
        const float values[] = {static_cast<float>(325 * std::sin(angle)),
                                static_cast<float>(14142 * std::sin(angle - 0.5))};
        bytes.append(reinterpret_cast<const char*>(values), sizeof values);
      }
  }
  return bytes;
}

template <class Work>
double best_seconds(Work&& work) {
  double best = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    const auto begin = Clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return best;
}

}  // namespace

int main() {
  const std::string stream = make_stream();
  constexpr double kAllRows = static_cast<double>(kRows * kFrames);
  std::vector<char> copy(1U << 17U);
  const double floor = best_seconds([&] {
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t size = std::min(copy.size(), stream.size() - at);
      std::memcpy(copy.data(), stream.data() + at, size);
      at += size;
    }
  });
  fmt::print("smartmeter stream: six channels, {} rows a frame, one thread, best of {}\n", kRows, kRounds);
  fmt::print("  memcpy of the same bytes       {:7.1f} M rows/s  {:5.1f} GB/s  (floor)\n", kAllRows / floor / 1e6,
             static_cast<double>(stream.size()) / floor / 1e9);
  for (const bool derive : {false, true})
    for (const std::size_t piece : {65536U, 4096U}) {
      Host host;
      Session session(host, derive);
      session.restart();
      std::uint64_t before = 0;
      int round = 0;
      const double took = best_seconds([&] {
        session.restart();
        if (round++ == 1) before = allocations;
        std::int64_t now = kStart;
        for (std::string_view rest = stream; !rest.empty(); rest.remove_prefix(std::min(piece, rest.size())))
          session.push(rest.substr(0, piece), now += 100'000);
      });
      if (host.rows != kRows * kFrames * kRounds || host.gaps != 0 || host.faults != 0) {
        fmt::print(stderr, "bench_smartmeter: {} rows, {} missing, {} faults\n", host.rows, host.gaps, host.faults);
        return 1;
      }
      fmt::print(
          "  {}, {:5}-byte calls  {:7.1f} M rows/s  {:5.1f} ns a row  {:4.2f} of memcpy  {} measurements  {} "
          "allocations\n",
          derive ? "with derivation   " : "without derivation", piece, kAllRows / took / 1e6, took / kAllRows * 1e9,
          floor / took, host.measurements, allocations - before);
    }
  return copy[0] == 1 ? 1 : 0;
}
