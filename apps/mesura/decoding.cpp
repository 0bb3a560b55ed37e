// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "decoding.hpp"

#include "config/reader.hpp"
#include "runtime/clock.hpp"
#include "runtime/unique_fd.hpp"
#include "transport/capture.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <utility>

namespace mesura::app {

namespace {

std::string_view name_of(mesura_fault_kind kind) {
  switch (kind) {
    case MESURA_FAULT_FRAME: return "reject";
    case MESURA_FAULT_OBJECT: return "object";
    case MESURA_FAULT_NOISE: return "noise";
    case MESURA_FAULT_NOTE: break;
  }
  return "note";
}

}  // namespace

std::optional<config::Value> read_plugin_options(const plugin::LoadedPlugin& plugin, const KeyValues& pairs) {
  config::ReadOptions options;
  options.file = "--option";
  auto reading = config::read_pairs(pairs, config::object(plugin.schema.options), options);
  if (reading.ok()) return std::move(reading.value);
  for (const auto& d : reading.diagnostics.list()) std::fputs(config::render_text(d).c_str(), stderr);
  std::fprintf(stderr, "  hint      `mesura plugin info %s` lists the options\n", plugin.name.c_str());
  return std::nullopt;
}

Decoding::Decoding(SeriesTable& series, Setup setup)
    : setup_(std::move(setup)),
      offline_(*setup_.plugin, series, setup_.channels,
               session::SessionSetup{setup_.device, nullptr, setup_.options, setup_.zone, false, 0},
               session::Offline::Consumer{
                   [this](const Batch& batch) { stopped_ = stopped_ || !setup_.on_batch(batch); },
                   [this](const Fault& fault) { say(fault); },
                   [this](std::string_view key, std::string_view value) {
                     if (setup_.verbose)
                       std::fputs(fmt::format("{}: attribute {} = {}\n", setup_.file, key, value).c_str(), stderr);
                   },
                   [this](mesura_log_level level, std::string_view message) {
                     if (setup_.verbose || level <= MESURA_LOG_WARN)
                       std::fputs(fmt::format("{}: {}\n", setup_.file, message).c_str(), stderr);
                   }},
               runtime::SystemClock{}.wall_ns()) {}

void Decoding::say(const Fault& fault) {
  if (fault.kind == MESURA_FAULT_NOTE && !setup_.verbose) return;
  std::fputs(
      fmt::format("{}:{}: {}[{}]: {}\n", setup_.file, fault.offset, name_of(fault.kind), fault.code, fault.message)
          .c_str(),
      stderr);
}

void Decoding::run() {
  runtime::UniqueFd fd{setup_.file == "-" ? ::dup(STDIN_FILENO) : ::open(setup_.file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) throw std::runtime_error(fmt::format("{}: can't be read: {}", setup_.file, std::strerror(errno)));

  const runtime::SystemClock clock;
  transport::CaptureParser capture;
  bool first = true;
  bool captured = false;
  std::uint64_t offset = 0;
  std::int64_t now = clock.wall_ns();
  std::optional<std::int64_t> previous;
  std::array<std::uint8_t, 64 * 1024> buffer;
  std::uint64_t read_bytes = 0;
  struct stat info {};
  const std::uint64_t file_bytes =
      ::fstat(fd.get(), &info) == 0 && S_ISREG(info.st_mode) ? static_cast<std::uint64_t>(info.st_size) : 0;
  while (!stop_wanted()) {
    const auto n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      throw std::runtime_error(
          fmt::format("{}: reading failed after {} bytes: {}", setup_.file, offset, std::strerror(errno)));
    if (n == 0) break;
    const Bytes bytes{buffer.data(), static_cast<std::size_t>(n)};
    read_bytes += bytes.size();
    if (setup_.on_progress) setup_.on_progress(read_bytes, file_bytes);
    if (std::exchange(first, false)) captured = transport::is_capture(bytes);
    if (!captured) {
      now = clock.wall_ns();
      offline_.feed(bytes, Meta{now, offset, {}, {}, 0});
      offset += bytes.size();
      continue;
    }
    capture.push(bytes);
    while (auto record = capture.next()) {
      if (stop_wanted()) break;
      if (previous && setup_.speed > 0 && record->time_ns > *previous)
        wait(std::chrono::nanoseconds{
            static_cast<std::int64_t>(static_cast<double>(record->time_ns - *previous) / setup_.speed)});
      previous = now = record->time_ns;
      if (record->kind == transport::CaptureKind::open && offset > 0) offline_.reopen(now, "reopened");
      if (record->kind != transport::CaptureKind::bytes) continue;
      offline_.feed(record->payload, Meta{record->time_ns, offset, record->peer, record->topic, record->status});
      offset += record->payload.size();
    }
    if (!capture.error().empty()) {
      damaged_ = true;
      std::fputs(fmt::format("{}: reject[damaged]: {}; what comes after it is not read\n", setup_.file, capture.error())
                     .c_str(),
                 stderr);
      break;
    }
  }
  if (captured && !damaged_ && !stopped_ && capture.left() > 0) {
    damaged_ = true;
    std::fputs(fmt::format("{}: reject[torn]: the capture ends inside a record; its {} bytes are left out\n",
                           setup_.file, capture.left())
                   .c_str(),
               stderr);
  }
  bytes_ = offset;
  if (!stopped_) offline_.finish(now);
}

bool Decoding::stop_wanted() {
  stopped_ = stopped_ || (setup_.stop && setup_.stop());
  return stopped_;
}

void Decoding::wait(std::chrono::nanoseconds time) {
  constexpr std::chrono::nanoseconds kLook = std::chrono::milliseconds{100};
  const auto until = std::chrono::steady_clock::now() + time;
  while (!stop_wanted()) {
    const auto left = until - std::chrono::steady_clock::now();
    if (left <= left.zero()) return;
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(left, kLook));
  }
}

int Decoding::exit_code() const {
  if (offline_.counts().frames == 0) {
    std::fputs(
        fmt::format("{}: no good frame of plugin {} found in {} bytes\n", setup_.file, setup_.plugin->name, bytes_)
            .c_str(),
        stderr);
    return kFailed;
  }
  return offline_.counts().frames_rejected == 0 && !damaged_ ? kDone : kPartial;
}

}  // namespace mesura::app
