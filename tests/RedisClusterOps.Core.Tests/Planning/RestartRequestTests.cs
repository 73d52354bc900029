using System.Linq;
using RedisClusterOps.Planning.Slots;
using Xunit;

namespace RedisClusterOps.Core.Tests.Planning;

/// <summary>A slot that stays open is in order only when both ends have their flag and its target knows whose it is.</summary>
public class RestartRequestTests
{
    [Fact]
    public void Flags_that_are_right_stay() => Assert.Empty(Steps(ClusterScene.Wedged()));

    [Fact]
    public void A_target_that_takes_nobody_for_the_owner_is_told_who_is() => Assert.Equal(
        ["CorrectOwner"], Steps(ClusterScene.Wedged().Believes("T", "S", "0-5518,5520-8191")));

    [Fact]
    public void So_is_one_that_is_to_import_only_now() => Assert.Equal(
        ["CorrectOwner", "SetImporting"], Steps(ClusterScene.Stable().Migrating("S", "T").Believes("T", "S", "0-5518,5520-8191")));

    private static string[] Steps(ClusterScene scene) =>
        [.. new RestartRequest(ClusterScene.Slot, RedisClusterSession.Parse("10.0.0.1:6379"), new MoveOptions()).Plan(scene.Situation()).Actions.Select(action => action.GetType().Name)];
}
