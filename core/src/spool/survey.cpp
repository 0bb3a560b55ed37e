// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Looking at spools without changing them: which there are, what they hold, whether it can be read.
#include "model/batch_codec.hpp"
#include "model/register_value.hpp"
#include "spool/spool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <system_error>

namespace mesura::spool {

std::filesystem::path spool_path(const std::filesystem::path& state, const std::string& sink) {
  return state / "spool" / (sink + ".spool");
}

std::vector<std::string> spool_names(const std::filesystem::path& state) {
  std::vector<std::string> names;
  std::error_code none;  // no directory: no spools
  for (const auto& file : std::filesystem::directory_iterator{state / "spool", none}) {
    if (file.path().extension() == ".spool") names.push_back(file.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<model::RegisterValue> integrated_registers(const std::filesystem::path& state) {
  std::vector<model::RegisterValue> all;
  for (const std::string& name : spool_names(state)) {
    try {
      SeriesTable series;
      const Spool spool{spool_path(state, name), series, runtime::Logger{std::make_shared<runtime::Log>(), "spool"},
                        Spool::Mode::reader};
      const auto found = spool.registers();
      all.insert(all.end(), found.begin(), found.end());
    } catch (const std::exception&) {
      continue;  // its owner repairs it, and says so
    }
  }
  return all;
}

std::vector<std::string> Spool::check(const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  std::vector<std::string> wrong;
  const std::uint64_t total = contents().batches;
  const auto damaged = [&](const std::string& what) {
    if (wrong.size() < 100) wrong.push_back(what);
  };
  std::uint64_t done = 0;
  std::int64_t after = 0;
  try {
    const std::lock_guard lock(mutex_);
    if (const std::string word = db_->text("PRAGMA integrity_check(1)"); word != "ok") damaged(word);
  } catch (const database::Error& e) {
    damaged(e.what());
  }
  for (;;) {
    const std::lock_guard lock(mutex_);
    const model::LoadedIds ids = series_->loaded_ids();
    std::size_t count = 0;
    try {
      read_.bind(1, after);
      while (count < 1000 && read_.step()) {
        after = read_.integer(0);
        ++count;
        try {
          (void)model::decode(read_.blob(2), ids);
        } catch (const std::runtime_error& e) {
          damaged(fmt::format("batch {}: {}", after, e.what()));
        }
      }
      read_.reset();
    } catch (const database::Error& e) {
      read_.reset();
      damaged(e.what());
      break;
    }
    done += count;
    if (progress) progress(done, total);
    if (count < 1000) break;
  }
  return wrong;
}

}  // namespace mesura::spool
