// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "pipeline/hold_keeper.hpp"

#include "runtime/files.hpp"

#include <algorithm>
#include <charconv>
#include <exception>
#include <span>
#include <system_error>
#include <utility>

namespace mesura::pipeline {
namespace {

constexpr char kBoot[] = "boot";
constexpr char kBootFirst[] = "boot_first_id";  // what has a smaller number was held by an earlier boot
constexpr char kWallOffset[] = "wall_offset_ns";
constexpr std::size_t kBatches = 10'000;

}  // namespace

std::string HoldKeeper::boot_id() {
  try {
    return runtime::read_file("/proc/sys/kernel/random/boot_id").value_or("");
  } catch (const std::runtime_error&) {
    return {};  // no boot is like another one then
  }
}

HoldKeeper::HoldKeeper(Options options, SeriesTable& series, runtime::Logger log)
    : options_(std::move(options)), series_(series), log_(std::move(log)) {}

HoldKeeper::~HoldKeeper() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

HoldKeeper::Left HoldKeeper::left_behind() {
  Left left;
  std::error_code error;
  if (!std::filesystem::exists(options_.path, error)) return left;
  try {
    spool::Spool& spool = file();
    left.same_boot = !options_.boot.empty() && spool.meta(kBoot) == options_.boot;
    const std::string offset = spool.meta(kWallOffset);
    std::int64_t value = 0;
    if (std::from_chars(offset.data(), offset.data() + offset.size(), value).ec == std::errc{}) {
      left.wall_offset_ns = value;
    }
    const std::string first = spool.meta(kBootFirst);
    std::int64_t first_id = 0;
    (void)std::from_chars(first.data(), first.data() + first.size(), first_id);
    next_id_ = spool.last_id() + 1;
    for (std::int64_t after = 0;;) {
      const auto entries = spool.read(after, kBatches, SIZE_MAX);
      if (entries.empty()) break;
      for (const auto& e : entries)
        left.found.push_back({e.id, std::make_shared<Batch>(*e.batch), e.note, left.same_boot && e.id >= first_id});
      after = entries.back().id;
    }
  } catch (const std::exception& e) {
    log_.error("clock-held", "what an earlier run held for the clock cannot be read: {}", e.what());
  }
  if (!left.found.empty()) {
    log_.info("clock-held", "{} batches of an earlier run wait for the clock in {}", left.found.size(),
              options_.path.string());
  }
  return left;
}

spool::Spool& HoldKeeper::file() {
  if (!file_) {
    std::error_code ignored;  // the spool itself says what is wrong with its place
    std::filesystem::create_directories(options_.path.parent_path(), ignored);
    file_ = std::make_unique<spool::Spool>(options_.path, series_, log_);
  }
  return *file_;
}

std::int64_t HoldKeeper::keep(const Batch& batch, std::int64_t offset_ns) {
  const std::lock_guard lock(mutex_);
  if (released_ == next_id_ - 1) forget_offset_ = true;  // it was that of another time
  fresh_.push_back({next_id_, std::make_shared<Batch>(batch), offset_ns});
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  return next_id_++;
}

void HoldKeeper::released(std::int64_t id, std::optional<std::int64_t> wall_offset_ns) {
  const std::lock_guard lock(mutex_);
  released_ = id;
  released_at_ = std::chrono::steady_clock::now();
  if (wall_offset_ns) wall_offset_ = wall_offset_ns;
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  wake_.notify_one();
}

void HoldKeeper::run() {
  std::unique_lock lock(mutex_);
  std::int64_t erased = 0;
  for (;;) {
    const bool last = stop_;
    const bool settled = released_ > erased && std::chrono::steady_clock::now() >= released_at_ + options_.settle;
    std::vector<spool::Entry> fresh = std::exchange(fresh_, {});
    const auto offset = std::exchange(wall_offset_, std::nullopt);
    const bool forget = std::exchange(forget_offset_, false);
    // A stop has let the sinks write what was released.
    const std::int64_t erase_to = settled || last ? released_ : 0;
    if (!fresh.empty() || offset || erase_to > erased) {
      lock.unlock();
      const bool done = work(fresh, forget, offset, erase_to);
      lock.lock();
      if (done) {
        erased = std::max(erased, erase_to);
      } else {
        // Again with the next ones.
        fresh_.insert(fresh_.begin(), fresh.begin(), fresh.end());
        forget_offset_ = forget_offset_ || forget;
        if (!wall_offset_) wall_offset_ = offset;
      }
    }
    if (last) return;
    wake_.wait_for(lock, options_.write_interval, [&] { return stop_ || (wall_offset_.has_value() && !failing_); });
  }
}

bool HoldKeeper::work(const std::vector<spool::Entry>& fresh, bool forget_offset,
                      std::optional<std::int64_t> wall_offset, std::int64_t erase_to) {
  try {
    spool::Spool& spool = file();
    if (!fresh.empty() && spool.meta(kBoot) != options_.boot) {
      // In this order: a kill in between leaves all of it to an unknown boot.
      spool.set_meta(kWallOffset, "");
      spool.set_meta(kBootFirst, std::to_string(fresh.front().id));
      spool.set_meta(kBoot, options_.boot);
    }
    if (forget_offset) spool.set_meta(kWallOffset, "");
    if (wall_offset) spool.set_meta(kWallOffset, std::to_string(*wall_offset));
    const auto first = std::find_if(fresh.begin(), fresh.end(), [&](const spool::Entry& e) { return e.id > erase_to; });
    spool.append(std::span{first, fresh.end()});
    if (erase_to > 0) spool.erase_up_to(erase_to);
    failing_ = false;
    return true;
  } catch (const std::exception& e) {
    if (!std::exchange(failing_, true)) {
      log_.error("clock-held", "what waits for the clock is held in memory only, a kill would lose it: {}", e.what());
    }
    return false;
  }
}

}  // namespace mesura::pipeline
