// Databases that are new, damaged, newer; speeds that come back as they were.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "base/error.h"
#include "base/json.h"
#include "store/database.h"
#include "store/record_store.h"
#include "store/speed_json.h"
#include "store/speed_store.h"
#include "store/vivace_database.h"

namespace vivace {
namespace {

class Stored : public ::testing::Test {
 protected:
  Stored() : folder_(std::filesystem::temp_directory_path() / ("vivace-store-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
  }
  ~Stored() override { std::filesystem::remove_all(folder_); }

  static Schema schema(int32_t version = 1) {
    static constexpr const char* kSteps[] = {"ALTER TABLE notes ADD COLUMN more TEXT DEFAULT 'new'"};
    return {.version = version,
            .create = version == 1 ? "CREATE TABLE notes (text TEXT, number REAL)"
                                   : "CREATE TABLE notes (text TEXT, number REAL, more TEXT DEFAULT 'new')",
            .migrations = kSteps};
  }

  Database open(int32_t version = 1) {
    return Database::open(folder_ / "deep" / "x.db", schema(version),
                          [this](const std::string& note) { notes_.push_back(note); });
  }

  std::filesystem::path folder_;
  std::vector<std::string> notes_;
};

TEST_F(Stored, RowsComeBack) {
  {
    Database db = open();
    const DbValue values[] = {std::string("it's; \"quoted\""), 2.5};
    db.run("INSERT INTO notes VALUES (?, ?)", values);
  }
  const auto rows = open().query("SELECT text, number FROM notes");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0][0], "it's; \"quoted\"");
  EXPECT_EQ(rows[0][1], "2.5");
  EXPECT_TRUE(notes_.empty());
}

TEST_F(Stored, AnOlderDatabaseIsBroughtUpToDate) {
  open().run("INSERT INTO notes VALUES ('old', 1)");
  EXPECT_EQ(open(2).query("SELECT more FROM notes")[0][0], "new");
  EXPECT_EQ(open(2).query("SELECT text FROM notes")[0][0], "old");
}

TEST_F(Stored, ANewerDatabaseIsSetAside) {
  open(2).run("INSERT INTO notes VALUES ('from the future', 1, 'x')");
  EXPECT_TRUE(open(1).query("SELECT * FROM notes").empty());
  ASSERT_EQ(notes_.size(), 1u);
  EXPECT_NE(notes_[0].find("newer"), std::string::npos) << notes_[0];
  EXPECT_TRUE(std::filesystem::exists(folder_ / "deep" / "x.db.set-aside-1"));
}

TEST_F(Stored, ADamagedFileIsSetAsideEachUnderItsOwnName) {
  std::filesystem::create_directories(folder_ / "deep");
  for (int i = 1; i <= 2; ++i) {
    std::ofstream(folder_ / "deep" / "x.db") << std::string(5000, 'x');
    open().run("INSERT INTO notes VALUES ('works', 1)");
    EXPECT_TRUE(std::filesystem::exists(folder_ / "deep" / ("x.db.set-aside-" + std::to_string(i))));
  }
  EXPECT_EQ(notes_.size(), 2u);
}

TEST_F(Stored, PagesOverwrittenInTheMiddleAreNoticed) {
  {
    Database db = open();
    for (int i = 0; i < 2000; ++i) db.run("INSERT INTO notes VALUES ('a row that takes some room on its page', 1)");
    db.run("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  {
    std::fstream file(folder_ / "deep" / "x.db", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(8192, '\xff');
  }
  EXPECT_TRUE(open().query("SELECT * FROM notes").empty());
  EXPECT_EQ(notes_.size(), 1u);
}

TEST_F(Stored, AFolderThatCannotBeMadeIsAnError) {
  std::ofstream(folder_) << "a file where the folder should be";
  EXPECT_THROW(open(), Error);
}

TEST_F(Stored, ABadStatementIsAnErrorAndTheDatabaseLivesOn) {
  Database db = open();
  EXPECT_THROW(db.run("INSERT INTO nowhere VALUES (1)"), Error);
  db.run("INSERT INTO notes VALUES ('fine', 1)");
  EXPECT_EQ(db.query("SELECT text FROM notes").size(), 1u);
}

DeviceSpeed some_speed() {
  DeviceSpeed speed = speed_of_facts("cpu", {.bytes_per_second = 5e10, .macs_per_second = 1e12});
  speed.measured = true;
  speed.threads = 4;
  speed.streams = {{1e6, 9e10}, {1e9, 5e10}};
  speed.thread_points = {{1, 2e10, 1e11}, {4, 5e10, 4e11}};
  speed.layer_seconds = 1e-5;
  return speed;
}

SpeedKey some_key() { return {"0.1", "cpu", "a processor", "avx2", 4, int64_t{16} << 30}; }

TEST_F(Stored, SpeedsComeBackUnderTheirKeyAlone) {
  EXPECT_FALSE(SpeedStore::open_existing(folder_));
  EXPECT_FALSE(std::filesystem::exists(folder_)) << "looking creates nothing";
  SpeedStore store = SpeedStore::open(folder_);
  EXPECT_FALSE(store.find(some_key()));
  store.keep(some_key(), some_speed(), "2026-01-01");
  const auto found = SpeedStore::open_existing(folder_)->find(some_key());
  ASSERT_TRUE(found);
  EXPECT_EQ(dump_json(speed_json(*found)), dump_json(speed_json(some_speed())));
  for (auto change : {+[](SpeedKey& k) { k.version = "0.2"; }, +[](SpeedKey& k) { k.name = "another"; },
                      +[](SpeedKey& k) { k.kernels = "scalar"; }, +[](SpeedKey& k) { k.threads = 2; },
                      +[](SpeedKey& k) { k.memory *= 2; }, +[](SpeedKey& k) { k.device = "cuda0"; }}) {
    SpeedKey key = some_key();
    change(key);
    EXPECT_FALSE(store.find(key)) << key.text();
  }
}

TEST(SpeedJson, WhatIsNotASpeedIsRefused) {
  const Json good = speed_json(some_speed());
  EXPECT_NO_THROW(parse_speed_json(good));
  EXPECT_THROW(parse_speed_json(Json::array()), Error);
  for (const auto& [key, value] : good.items()) {
    if (key == "measured") continue;
    Json bad = good;
    bad.erase(key);
    EXPECT_THROW(parse_speed_json(bad), Error) << "without " << key;
    bad = good;
    bad[key] = value.is_string() ? Json(1) : Json("x");
    EXPECT_THROW(parse_speed_json(bad), Error) << "odd " << key;
  }
  Json bad = good;
  bad["bytes_per_second"] = 0;
  EXPECT_THROW(parse_speed_json(bad), Error);
  bad = good;
  bad["products"][0]["format"] = "Q99";
  EXPECT_THROW(parse_speed_json(bad), Error);
  bad = good;
  bad["products"][0]["points"][1]["tokens"] = 0.5;
  EXPECT_THROW(parse_speed_json(bad), Error) << "not ascending";
}

TEST_F(Stored, RecordsByKindAndKeyTheNewestFirst) {
  RecordStore store(open_vivace_database(folder_));
  for (int i = 0; i < 5; ++i)
    store.add("run", i % 2 ? "odd" : "even", "date " + std::to_string(i), std::to_string(i), 4);
  store.add("profile", "odd", "now", "p", 4);
  EXPECT_EQ(store.newest("run", "", 10).size(), 4u) << "the oldest goes";
  EXPECT_EQ(store.last("run")->body, "4");
  EXPECT_EQ(store.last("run", "odd")->body, "3");
  EXPECT_EQ(store.newest("run", "odd", 10)[1].at, "date 1");
  EXPECT_FALSE(store.last("run", "nobody").has_value());
  store.remove("run", "odd");
  EXPECT_FALSE(store.last("run", "odd").has_value());
  EXPECT_EQ(store.last("profile", "odd")->body, "p") << "another kind stays";
}

TEST_F(Stored, AKillLosesNothingThatWasWritten) {
  std::mt19937 random(5);
  int begin = 0;
  for (int round = 0; round < 6; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {  // writes until it is killed, and tells what is written
      RecordStore store(open_vivace_database(folder_));
      for (int i = begin;; ++i) {
        store.add("note", std::to_string(i), "", "[" + std::string(3000, '1') + "]", 1 << 20);
        if (::write(ends[1], &i, sizeof i) != sizeof i) ::_exit(1);
      }
    }
    ::close(ends[1]);
    int written = -1;
    const int wanted = begin + 1 + int(random() % 40);
    while (written < wanted && ::read(ends[0], &written, sizeof written) == sizeof written) {
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (::read(ends[0], &written, sizeof written) == sizeof written) {
    }
    ::close(ends[0]);
    ASSERT_GE(written, wanted);
    RecordStore store(open_vivace_database(folder_, [](const std::string& note) { ADD_FAILURE() << note; }));
    for (int i = begin; i <= written; ++i) {
      const auto record = store.last("note", std::to_string(i));
      ASSERT_TRUE(record) << i;
      ASSERT_EQ(record->body.size(), 3002u);
    }
    begin = written + 2;  // the next one may have been written, too
  }
}

TEST_F(Stored, AnOlderDatabaseLearnsNewTables) {
  {
    Database old = Database::open(folder_ / "vivace.db",
                                  {.version = 1,
                                   .create = "CREATE TABLE device_speed (key TEXT PRIMARY KEY, measured_at TEXT NOT "
                                             "NULL, speed TEXT NOT NULL)"});
    old.run("INSERT INTO device_speed VALUES ('k', 'then', '{}')");
  }
  EXPECT_FALSE(open_existing_vivace_database(folder_ / "nowhere").has_value());
  RecordStore(*open_existing_vivace_database(folder_)).add("run", "k", "now", "{}", 1);
  EXPECT_EQ(open_vivace_database(folder_).query("SELECT key FROM device_speed").size(), 1u);
}

}  // namespace
}  // namespace vivace
