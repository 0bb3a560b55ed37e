// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What a sink will never take, and what cannot be read any more.
#include "model/batch_codec.hpp"
#include "spool/spool.hpp"
#include "spool/transaction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace mesura::spool {

void Spool::bury_damaged(std::int64_t id, std::string_view reason) {
  transaction([&](Contents& after) {
    database::Statement move = db_->prepare(
        "INSERT INTO dead (rejected_ns, reason, damaged, body) SELECT time_ns, ?2, 1, body FROM batches WHERE id = ?1");
    move.bind(1, id);
    move.bind(2, reason);
    move.run();
    erase_run(id, id, after);
    ++after.dead;
  });
  log_.error("spool-batch", "{}: batch {} cannot be read and is a dead letter now: {}", path_.string(), id, reason);
}

void Spool::bury(std::span<const Rejection> rejections, std::int64_t now_ns) {
  if (rejections.empty()) return;
  const std::lock_guard lock(mutex_);
  guarded("keeping dead letters in", [&] {
    transaction([&](Contents& after) {
      for (const Rejection& r : rejections) {
        Batch one;
        one.device = r.batch->device;
        one.time_ns = r.batch->time_ns;
        one.received_ns = r.batch->received_ns;
        one.waveform = r.batch->waveform;
        if (r.item < r.batch->items.size()) {
          Measurement m = r.batch->items[r.item];
          one.texts = r.batch->text(m);
          m.text_offset = 0;
          one.items.push_back(m);
        }
        bytes_.clear();
        model::encode(one, series_->stored_ids(), bytes_);
        put_dead_.bind(1, now_ns);
        put_dead_.bind(2, r.reason);
        put_dead_.bind(3, std::int64_t{0});
        put_dead_.bind_blob(4, bytes_);
        put_dead_.run();
      }
      after.dead += rejections.size();
    });
  });
  trim_dead();
}

void Spool::trim_dead() {
  if (contents_.dead <= kMaxDead) return;
  const std::uint64_t over = contents_.dead - kMaxDead;
  guarded("trimming", [&] {
    transaction([&](Contents& after) {
      after.dead -= over;
      db_->execute(fmt::format("DELETE FROM dead WHERE id IN (SELECT id FROM dead ORDER BY id LIMIT {})", over));
    });
  });
  log_.error("spool-dead", "{}: the limit of {} dead letters is reached, the oldest {} are gone", path_.string(),
             kMaxDead, over);
}

std::vector<DeadLetter> Spool::dead_letters(std::int64_t after, std::size_t count) {
  const std::lock_guard lock(mutex_);
  std::vector<DeadLetter> letters;
  const model::LoadedIds ids = series_->loaded_ids();
  guarded("reading", [&] {
    database::Statement s = db_->prepare(fmt::format(
        "SELECT id, rejected_ns, reason, damaged, body FROM dead WHERE id > {} ORDER BY id LIMIT {}", after, count));
    while (s.step()) {
      DeadLetter letter{s.integer(0), s.integer(1), s.text(2), nullptr, s.blob(4).size()};
      try {
        if (s.integer(3) == 0) letter.batch = model::decode(s.blob(4), ids);
      } catch (const std::runtime_error&) {
        letter.batch = nullptr;  // shown as damaged
      }
      letters.push_back(std::move(letter));
    }
  });
  return letters;
}

std::size_t Spool::requeue(std::span<const std::int64_t> ids, std::int64_t first_id, std::uint64_t* values) {
  std::vector<std::int64_t> wanted{ids.begin(), ids.end()};
  std::vector<Entry> entries;
  std::vector<std::int64_t> taken;
  for (std::int64_t after = 0;;) {
    const auto letters = dead_letters(after, 1000);
    if (letters.empty()) break;
    for (const DeadLetter& letter : letters) {
      after = letter.id;
      if (!letter.batch || (!wanted.empty() && std::find(wanted.begin(), wanted.end(), letter.id) == wanted.end())) {
        continue;
      }
      entries.push_back({first_id + static_cast<std::int64_t>(entries.size()), letter.batch, 0});
      taken.push_back(letter.id);
    }
  }
  // In this order a kill in between leaves a letter twice, never not at all; writing is idempotent.
  append(entries);
  for (const Entry& e : entries)
    if (values != nullptr) *values += e.batch->values();
  erase_dead(taken);
  return entries.size();
}

void Spool::erase_dead(std::span<const std::int64_t> ids) {
  if (ids.empty()) return;
  const std::lock_guard lock(mutex_);
  guarded("emptying", [&] {
    database::Statement s = db_->prepare("DELETE FROM dead WHERE id = ?1");
    transaction([&](Contents& after) {
      for (const std::int64_t id : ids) {
        s.bind(1, id);
        s.run();
        after.dead -= static_cast<std::uint64_t>(db_->changes());
      }
    });
  });
}

}  // namespace mesura::spool
