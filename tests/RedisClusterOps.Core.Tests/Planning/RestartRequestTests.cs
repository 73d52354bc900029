using System.Linq;
using RedisClusterOps.Planning.Slots;
using Xunit;

namespace RedisClusterOps.Core.Tests.Planning;

/// <summary>A slot that stays open is in order only when both ends have their flag and its target knows whose it is.</summary>
public class RestartRequestTests
{
    [Fact]
    public void Correct_flags_stay() => Assert.Empty(Steps(ClusterScene.Wedged()));

    [Fact]
    public void A_target_that_reports_no_owner_is_corrected() => Assert.Equal(
        ["CorrectOwner"], Steps(ClusterScene.Wedged().Believes("T", "S", "0-5518,5520-8191")));

    [Fact]
    public void A_target_that_begins_to_import_is_corrected_first() => Assert.Equal(
        ["CorrectOwner", "SetImporting"], Steps(ClusterScene.Stable().Migrating("S", "T").Believes("T", "S", "0-5518,5520-8191")));

    private static string[] Steps(ClusterScene scene) =>
        [.. new RestartRequest(ClusterScene.Slot, RedisClusterSession.Parse("10.0.0.1:6379"),
            new MoveOptions()).Plan(scene.Situation()).Actions.Select(action => action.GetType().Name)];
}
