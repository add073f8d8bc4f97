// The program that is carried to bare machines, tried on the software device.
#include "../cli/program_run.h"
#include "offload_rig.h"

namespace vivace::test {
namespace {

class GpuCheck : public Offload {
 protected:
  static ProgramResult check(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), VIVACE_GPU_CHECK);
    return run_command(arguments, {});
  }
};

TEST_F(GpuCheck, ReportsFacts) {
  const ProgramResult result = check({"--device", "vulkan0", "--sections", "facts", "--threads", "2"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json facts = result.json()["sections"]["facts"];
  EXPECT_EQ(facts["checks"], 1);
  EXPECT_GT(facts["figures"]["memory read, GB/s"], 0);
}

TEST_F(GpuCheck, SaysWhatDidNotRun) {
  const ProgramResult result = check({"--device", "vulkan0", "--sections", "golden,splits,speed"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const char* section : {"golden", "splits", "speed"}) {
    EXPECT_EQ(result.json()["sections"][section]["skipped"].size(), 1u) << section;
  }
}

TEST_F(GpuCheck, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(check({"--devices", "x"}).exit_code, 2);
  EXPECT_EQ(check({"--threads", "0"}).exit_code, 2);
  EXPECT_EQ(check({"--json"}).exit_code, 2);
  EXPECT_EQ(check({"--device", "vulkan77"}).exit_code, 1);
}

}  // namespace
}  // namespace vivace::test
