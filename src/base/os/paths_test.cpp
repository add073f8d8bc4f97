// Which folder wins.
#include "base/os/paths.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace vivace {
namespace {

TEST(Paths, DefaultsBelowHome) {
  Environment environment;
  environment.home = "/home/ada";
  const AppPaths paths = app_paths(environment);
  EXPECT_EQ(paths.data, "/home/ada/.local/share/vivace");
  EXPECT_EQ(paths.cache, "/home/ada/.cache/vivace");
  EXPECT_EQ(paths.config, "/home/ada/.config/vivace");
  EXPECT_EQ(paths.models, "/home/ada/.local/share/vivace/models");
}

TEST(Paths, XdgCountsWhenAbsolute) {
  Environment environment;
  environment.home = "/home/ada";
  environment.xdg_data_home = "/big/data";
  environment.xdg_cache_home = "relative";
  const AppPaths paths = app_paths(environment);
  EXPECT_EQ(paths.models, "/big/data/vivace/models");
  EXPECT_EQ(paths.cache, "/home/ada/.cache/vivace");
}

TEST(Paths, VivaceHomeOverridesAll) {
  Environment environment;
  environment.vivace_home = "/v";
  environment.xdg_data_home = "/big/data";
  const AppPaths paths = app_paths(environment);
  EXPECT_EQ(paths.data, "/v");
  EXPECT_EQ(paths.models, "/v/models");
  EXPECT_EQ(paths.cache, "/v/cache");
  EXPECT_EQ(paths.config, "/v/config");
}

TEST(Paths, NoHomeIsAnError) { EXPECT_THROW(app_paths(Environment{}), Error); }

}  // namespace
}  // namespace vivace
