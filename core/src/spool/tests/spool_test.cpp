// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "spool/spool.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <random>

using namespace mesura;
using spool::Entry;
using spool::Spool;

namespace {

struct House {
  test::TempDir dir;
  std::shared_ptr<SeriesTable> table = std::make_shared<SeriesTable>();
  std::shared_ptr<runtime::Log> log = std::make_shared<runtime::Log>();
  std::uint32_t power = series("active_power", false);
  std::uint32_t message = series("message", true);

  std::uint32_t series(const std::string& quantity, bool text) {
    SeriesInfo info;
    info.device = "grid";
    info.channel = "total";
    info.quantity = quantity;
    info.unit = text ? "1" : "W";
    info.flat_name = "total_" + quantity;
    info.label = "Meter\ncupboard";
    info.kind = text ? Kind::state : Kind::gauge;
    info.text = text;
    info.decimals = 2;
    info.negated = !text;
    return table->add(info);
  }
  [[nodiscard]] std::filesystem::path path() const { return dir.path() / "local.spool"; }
  [[nodiscard]] std::unique_ptr<Spool> open() {
    return std::make_unique<Spool>(path(), *table, runtime::Logger{log, "spool"});
  }
  /// Another process: numbers its series anew.
  [[nodiscard]] std::unique_ptr<Spool> open_elsewhere() {
    table = std::make_shared<SeriesTable>();
    (void)series("another", false);
    auto opened = open();
    power = series("active_power", false);
    message = series("message", true);
    return opened;
  }
  [[nodiscard]] BatchPtr batch(std::int64_t time, double value, const std::string& text = {}) const {
    auto b = std::make_shared<Batch>();
    b->device = "grid";
    b->time_ns = b->received_ns = time;
    Measurement m{};
    m.time_ns = time;
    m.series = power;
    m.number = value;
    b->items.push_back(m);
    if (!text.empty()) {
      m.series = message;
      m.type = MESURA_TEXT;
      m.text_size = static_cast<std::uint16_t>(text.size());
      b->texts = text;
      b->items.push_back(m);
    }
    return b;
  }
};

Entry entry(std::int64_t id, BatchPtr batch) { return {id, std::move(batch), 0}; }

std::vector<std::int64_t> ids(const std::vector<Entry>& entries) {
  std::vector<std::int64_t> out;
  for (const auto& e : entries) out.push_back(e.id);
  return out;
}

void overwrite(const std::filesystem::path& path, std::uint64_t from, std::uint64_t count) {
  std::fstream file{path, std::ios::in | std::ios::out | std::ios::binary};
  file.seekp(static_cast<std::streamoff>(from));
  const std::string noise(count, '\x5a');
  file.write(noise.data(), static_cast<std::streamsize>(count));
}

/// The child's part: numbers go to the pipe after append() and before erase().
[[noreturn]] void work_until_killed(House& house, int pipe) {
  try {
    const auto spool = house.open();
    for (std::int64_t id = spool->last_id() + 1;; id += 3) {
      std::vector<Entry> three;
      for (std::int64_t n = id; n < id + 3; ++n) three.push_back(entry(n, house.batch(n, static_cast<double>(n))));
      spool->append(three);
      if (::write(pipe, &three[2].id, sizeof three[2].id) != sizeof three[2].id) break;
      spool->erase(std::vector<std::int64_t>{id});
    }
  } catch (...) {
    ::_exit(2);
  }
  ::_exit(1);
}

}  // namespace

TEST_CASE("what is appended is read in order, also by another process, until it is erased") {
  House house;
  auto spool = house.open();
  CHECK(spool->last_id() == 0);
  house.table->set_attribute("grid", "serial", "E0047");
  spool->append(std::vector<Entry>{entry(1, house.batch(10, 1.5, "a \"text\"")), entry(2, house.batch(20, 2.5))});
  spool->append(std::vector<Entry>{entry(3, house.batch(5, 3.5))});
  CHECK(spool->contents().batches == 3);
  CHECK(spool->contents().values == 4);
  CHECK(spool->contents().oldest_ns == 5);

  spool.reset();
  spool = house.open_elsewhere();
  CHECK(spool->last_id() == 3);
  CHECK(spool->contents().values == 4);
  const auto entries = spool->read(0, 10, 1000);
  REQUIRE(ids(entries) == std::vector<std::int64_t>{1, 2, 3});
  const Batch& first = *entries[0].batch;
  CHECK(first.time_ns == 10);
  CHECK(first.items[0].number == 1.5);
  CHECK(first.items[0].series == house.power);
  CHECK(first.items[1].series == house.message);
  CHECK(first.text(first.items[1]) == "a \"text\"");
  CHECK(house.table->at(first.items[0].series).label == "Meter\ncupboard");
  CHECK(house.table->at(first.items[0].series).negated);
  CHECK(house.table->attribute("grid", "serial") == "E0047");
  CHECK(ids(spool->read(1, 1, 1000)) == std::vector<std::int64_t>{2});
  CHECK(ids(spool->read(0, 10, 1)) == std::vector<std::int64_t>{1});

  spool->erase(std::vector<std::int64_t>{2, 99});
  CHECK(ids(spool->read(0, 10, 1000)) == std::vector<std::int64_t>{1, 3});
  spool->erase(std::vector<std::int64_t>{1, 3});
  CHECK(spool->contents().batches == 0);
  CHECK(spool->contents().bytes == 0);
  spool.reset();
  spool = house.open();
  CHECK(spool->last_id() == 3);  // numbers are never used again
}

TEST_CASE("a block of waveform waits with its run") {
  House house;
  auto stream = std::make_shared<WaveformStream>();
  stream->id = 5;
  stream->device = "lab";
  stream->start_ns = 1000;
  stream->period_ns = 125000.5;
  stream->names = {"v_l1", "i_l1"};
  stream->units = {"V", "mA"};
  auto block = std::make_shared<Waveform>();
  block->stream = stream;
  block->rows = 2;
  block->samples = {1, 2, 3, 4};
  auto b = std::make_shared<Batch>();
  b->device = "lab";
  b->waveform = block;
  {
    auto spool = house.open();
    spool->append(std::vector<Entry>{entry(1, b), entry(2, b)});
    const auto here = spool->read(0, 10, 1000);
    CHECK(here[0].batch->waveform->stream->id == 5);
  }
  auto spool = house.open_elsewhere();
  const auto entries = spool->read(0, 10, 1000);
  REQUIRE(entries.size() == 2);
  const WaveformStream& run = *entries[0].batch->waveform->stream;
  CHECK(run.id == entries[1].batch->waveform->stream->id);
  CHECK(run.id != 5);  // a run of this process may have that number
  CHECK(run.period_ns == 125000.5);
  CHECK(run.names == stream->names);
  CHECK(run.units == stream->units);
  CHECK(entries[0].batch->waveform->samples == block->samples);
}

TEST_CASE("a dead block of waveform keeps its run when nothing waits any more") {
  House house;
  auto stream = std::make_shared<WaveformStream>();
  stream->id = 5;
  stream->device = "lab";
  stream->names = {"v_l1"};
  stream->units = {"V"};
  auto block = std::make_shared<Waveform>();
  block->stream = stream;
  block->rows = 2;
  block->samples = {1, 2};
  auto b = std::make_shared<Batch>();
  b->device = "lab";
  b->waveform = block;
  {
    auto spool = house.open();
    spool->append(std::vector<Entry>{entry(1, b)});
    spool->bury(std::vector<Spool::Rejection>{{b.get(), 0, "no disk takes it"}}, 9);
    spool->erase(std::vector<std::int64_t>{1});
  }
  auto spool = house.open_elsewhere();
  const auto letters = spool->dead_letters(0, 10);
  REQUIRE(letters.size() == 1);
  REQUIRE(letters[0].batch);
  CHECK(letters[0].batch->waveform->samples == block->samples);
  CHECK(spool->requeue({}, spool->last_id() + 1) == 1);
}

TEST_CASE("the oldest go to make room, but none that is being written") {
  House house;
  auto spool = house.open();
  std::vector<Entry> entries;
  for (std::int64_t i = 1; i <= 10; ++i) entries.push_back(entry(i, house.batch(i, 1.0)));
  spool->append(entries);
  const auto before = spool->contents();
  const auto dropped = spool->drop_oldest(2, before.bytes / 10 * 3);
  CHECK(dropped.batches == 3);
  CHECK(dropped.values == 3);
  CHECK(ids(spool->read(0, 100, 1000)) == std::vector<std::int64_t>{1, 2, 6, 7, 8, 9, 10});
  CHECK(spool->contents().batches == 7);
  CHECK(spool->contents().bytes < before.bytes);
}

TEST_CASE("dead letters are kept with their reason and can come back") {
  House house;
  auto spool = house.open();
  const auto b = house.batch(77, 3.5, "text");
  spool->bury(std::vector<Spool::Rejection>{{b.get(), 0, "sink-value: too large"}, {b.get(), 1, "sink-type: a text"}},
              9);
  CHECK(spool->contents().dead == 2);
  spool.reset();
  spool = house.open_elsewhere();
  const auto letters = spool->dead_letters(0, 10);
  REQUIRE(letters.size() == 2);
  CHECK(letters[0].reason == "sink-value: too large");
  CHECK(letters[0].rejected_ns == 9);
  REQUIRE(letters[0].batch);
  REQUIRE(letters[0].batch->items.size() == 1);
  CHECK(letters[0].batch->items[0].number == 3.5);
  CHECK(letters[1].batch->text(letters[1].batch->items[0]) == "text");

  CHECK(spool->requeue(std::vector<std::int64_t>{letters[1].id}, 41) == 1);
  CHECK(spool->contents().dead == 1);
  const auto back = spool->read(0, 10, 1000);
  REQUIRE(ids(back) == std::vector<std::int64_t>{41});
  CHECK(back[0].batch->time_ns == 77);
  CHECK(spool->requeue({}, 42) == 1);
  CHECK(spool->contents().dead == 0);
  CHECK(ids(spool->read(0, 10, 1000)) == std::vector<std::int64_t>{41, 42});
}

TEST_CASE("a batch with damaged bytes becomes a dead letter, the others go on") {
  House house;
  {
    auto spool = house.open();
    spool->append(
        std::vector<Entry>{entry(1, house.batch(1, 1)), entry(2, house.batch(2, 2)), entry(3, house.batch(3, 3))});
  }
  {
    const database::Database db{house.path()};
    db.execute("UPDATE batches SET body = substr(body, 1, 20) WHERE id = 2");
  }
  auto spool = house.open();
  CHECK(spool->check({}).size() == 1);
  CHECK(ids(spool->read(0, 10, 1000)) == std::vector<std::int64_t>{1, 3});
  CHECK(spool->contents().batches == 2);
  CHECK(spool->contents().dead == 1);
  const auto letters = spool->dead_letters(0, 10);
  CHECK(letters[0].reason.rfind("batch-damaged", 0) == 0);
  CHECK_FALSE(letters[0].batch);
  CHECK(spool->requeue({}, 9) == 0);
  CHECK(spool->check({}).empty());
}

TEST_CASE("a damaged file is moved aside, and what can be read goes on") {
  House house;
  constexpr std::int64_t kBatches = 4000;
  {
    auto spool = house.open();
    std::vector<Entry> entries;
    for (std::int64_t i = 1; i <= kBatches; ++i) entries.push_back(entry(i, house.batch(i, static_cast<double>(i))));
    spool->append(entries);
  }
  const auto size = std::filesystem::file_size(house.path());
  std::size_t least = 0;
  std::size_t most = kBatches - 1;
  SECTION("in the middle") {
    // Not left in order, so that it is looked through.
    database::Database{house.path()}.execute("PRAGMA user_version = 0");
    overwrite(house.path(), size / 2 / 4096 * 4096, 8192);
    least = kBatches / 2;
  }
  SECTION("in its head") {
    overwrite(house.path(), 0, 100);
    least = most = kBatches;  // nothing of the batches is there
  }
  SECTION("cut") {
    database::Database{house.path()}.execute("PRAGMA user_version = 0");
    std::filesystem::resize_file(house.path(), size / 2 / 4096 * 4096);
    least = kBatches / 4;
  }
  auto spool = house.open();
  const auto entries = spool->read(0, 2 * kBatches, 100'000);
  CHECK(entries.size() >= least);
  CHECK(entries.size() <= most);
  for (const auto& e : entries) CHECK(e.batch->items[0].number == static_cast<double>(e.id));
  std::size_t aside = 0;
  for (const auto& file : std::filesystem::directory_iterator{house.dir.path()})
    if (file.path().filename().string().find(".damaged-") != std::string::npos) ++aside;
  CHECK(aside >= 1);
  // And it works.
  spool->append(std::vector<Entry>{entry(kBatches + 1, house.batch(1, 1))});
  CHECK(spool->check({}).empty());
}

TEST_CASE("another program's file is refused and left alone") {
  House house;
  {
    const database::Database db{house.path()};
    db.execute("CREATE TABLE theirs (a)");
  }
  CHECK_THROWS_AS(house.open(), spool::SpoolError);
  CHECK(database::Database{house.path()}.integer("SELECT count(*) FROM sqlite_schema") == 1);
}

TEST_CASE("one looks on while the owner works") {
  House house;
  auto owner = house.open();
  owner->append(std::vector<Entry>{entry(1, house.batch(1, 1))});
  SeriesTable other;
  Spool reader{house.path(), other, runtime::Logger{house.log, "spool"}, Spool::Mode::reader};
  CHECK(reader.contents().batches == 1);
  CHECK(ids(reader.read(0, 10, 10)) == std::vector<std::int64_t>{1});
  owner->append(std::vector<Entry>{entry(2, house.batch(1, 1))});
  CHECK(ids(reader.read(0, 10, 10)) == std::vector<std::int64_t>{1, 2});
  CHECK_THROWS_AS(reader.append(std::vector<Entry>{entry(3, house.batch(1, 1))}), spool::SpoolError);
}

TEST_CASE("what append() has returned for survives a kill at any instant", "[soak]") {
  const int rounds = std::getenv("MESURA_SOAK") != nullptr ? 200 : 8;
  House house;
  std::mt19937 random{7};
  std::int64_t erased = 0;
  for (int round = 0; round < rounds; ++round) {
    int told[2];
    REQUIRE(::pipe(told) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) work_until_killed(house, told[1]);
    ::close(told[1]);
    std::int64_t last = 0;
    const auto stop_after = random() % 40 + 1;
    for (std::size_t n = 0; n < stop_after; ++n) {
      REQUIRE(::read(told[0], &last, sizeof last) == sizeof last);
    }
    ::kill(child, SIGKILL);
    while (::read(told[0], &last, sizeof last) == sizeof last) {
    }
    ::close(told[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));

    auto spool = house.open();
    CHECK(spool->last_id() >= last);
    CHECK(spool->check({}).empty());
    // Everything told is there but what may have been erased: the first of each three.
    const auto entries = spool->read(erased, 1'000'000, 1'000'000);
    std::size_t missing = 0;
    std::size_t at = 0;
    for (std::int64_t id = erased + 1; id <= last; ++id) {
      const bool may_be_gone = (id - 1) % 3 == 0;
      while (at < entries.size() && entries[at].id < id) ++at;
      const bool there =
          at < entries.size() && entries[at].id == id && entries[at].batch->items[0].number == static_cast<double>(id);
      if (!there && !may_be_gone) ++missing;
    }
    CHECK(missing == 0);
    std::vector<std::int64_t> all = ids(entries);
    spool->erase(all);
    // The next round counts from a multiple of three.
    erased = (spool->last_id() + 2) / 3 * 3;
    if (erased > spool->last_id()) {
      spool->append(std::vector<Entry>{{erased, house.batch(1, 1)}});
      spool->erase(std::vector<std::int64_t>{erased});
    }
  }
}
