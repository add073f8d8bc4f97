// Each call to a GPU's driver fails in turn: a load gives way or refuses, a request ends with the device's name, and
// the next one is answered.
#include "../engine/engine_rig.h"
#include "offload_rig.h"

namespace vivace::test {
namespace {

class DeviceFaultsInTurn : public Offload {
 protected:
  void SetUp() override {
    Offload::SetUp();
    if (IsSkipped()) return;
    PlainSpec spec = small_llama();
    spec.layers = 4;
    PlainModel plain = make_plain_model(spec);
    write_plain_model(plain, folder_ / "model.gguf");
  }

  static Wishes wishes() {
    Wishes all = engine_wishes(128, 1, 16);
    all.kv_format = Format::kF32;
    return all;
  }

  /// The answer of a request of its own.
  static Transcript answer(Engine& engine, Transcripts& transcripts, int key) {
    engine.submit(greedy_request({5, 6, 7}, 6), transcripts.sink(key));
    return transcripts.wait(key);
  }

  std::vector<TokenId> right_answer() {
    OffloadRig rig(0);
    ModelSource source = rig.source(folder_ / "model.gguf", wishes());
    source.load();
    Engine engine(source, nullptr);
    Transcripts transcripts;
    return answer(engine, transcripts, 0).ids;
  }

  /// Loads and asks twice with such faults. False: none of them struck.
  bool survive(const std::string& faults, const std::vector<TokenId>& right) {
    SCOPED_TRACE(faults);
    OffloadRig rig(1, {}, parse_device_faults(faults));
    std::optional<ModelSource> source;
    try {
      source.emplace(rig.source(folder_ / "model.gguf", wishes()));
      source->load();
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == ErrorCode::kOutOfMemory || error.code() == ErrorCode::kDeviceLost) << error.what();
      return true;
    }
    bool struck = !rig.notes.empty();
    Engine engine(*source, nullptr);
    Transcripts transcripts;
    const Transcript first = answer(engine, transcripts, 0);
    if (first.error) {
      struck = true;
      EXPECT_EQ(first.error->code(), ErrorCode::kDeviceLost) << first.error->what();
      EXPECT_NE(std::string(first.error->what()).find("vulkan0"), std::string::npos) << first.error->what();
    } else {
      EXPECT_EQ(first.ids, right);
    }
    const Transcript second = answer(engine, transcripts, 1);
    if (second.error && !first.error) return true;
    EXPECT_FALSE(second.error) << second.error->what();
    EXPECT_EQ(second.ids, right);
    if (first.error) {
      EXPECT_FALSE(rig.notes.empty());
    }
    return struck;
  }

  TempFolder folder_;
};

TEST_F(DeviceFaultsInTurn, OfOneCall) {
  const std::vector<TokenId> right = right_answer();
  ASSERT_EQ(right.size(), 6u);
  for (const char* call : {"allocate", "map", "submit", "wait"}) {
    int nth = 1;
    while (survive(std::string(call) + ":" + std::to_string(nth), right) && nth < 200) ++nth;
    std::printf("%s: %d faults in turn\n", call, nth - 1);
    EXPECT_GT(nth, 1) << call << " never failed";
    EXPECT_LT(nth, 200);
  }
}

TEST_F(DeviceFaultsInTurn, OfAllCallsFromOneOn) {
  const std::vector<TokenId> right = right_answer();
  for (const char* call : {"allocate", "submit", "wait"}) {
    for (int nth : {1, 2, 5, 9, 14}) survive(std::string(call) + ":" + std::to_string(nth) + "+", right);
  }
}

TEST_F(DeviceFaultsInTurn, ALostGpuLeavesWhatItHeldToTheCpu) {
  const std::vector<TokenId> right = right_answer();
  OffloadRig rig(1, {}, parse_device_faults("submit:40+"));
  ModelSource source = rig.source(folder_ / "model.gguf", wishes());
  source.load();
  ASSERT_EQ(gpu_layers_of(source.plan(), source.devices()), 4);
  Engine engine(source, nullptr);
  Transcripts transcripts;
  int lost = 0;
  for (int key = 0; key < 20; ++key) {
    const Transcript transcript = answer(engine, transcripts, key);
    if (transcript.error) {
      ++lost;
    } else {
      EXPECT_EQ(transcript.ids, right);
    }
  }
  EXPECT_EQ(lost, 1) << "the request that ran, no other";
  EXPECT_EQ(gpu_layers_of(source.plan(), source.devices()), 0);
  ASSERT_EQ(rig.notes.size(), 1u);
  EXPECT_NE(rig.notes[0].find("going on without it"), std::string::npos) << rig.notes[0];
}

}  // namespace
}  // namespace vivace::test
