using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>A plan is carried out on the owners that it was made for and no others, and by one run at a time.</summary>
public sealed class PlanInUseTests
{
    private const int Keys = 10_000;

    [Theory]
    [MemberData(nameof(MoveMethods.One), MemberType = typeof(MoveMethods))]
    public async Task A_plan_file_runs_as_long_as_no_slot_has_another_owner(string server)
    {
        await using var scene = await MoveScene.StartAsync(server, Keys, []);
        var file = Path.Combine(scene.Journal, "plan.json");
        (await scene.PlanAsync("--use-empty-master", "--out-file", file)).AssertEnded(0);
        var owners = await scene.Cluster.OwnersAsync();
        var slot = Array.IndexOf(owners.ToArray(), 1);
        await HandOverAsync(scene, slot, from: 1, to: 2);

        var refused = await scene.RunAsync("rebalance", "--plan-file", file);
        refused.AssertEnded(1);
        Assert.Empty(refused.Objects());
        Assert.StartsWith("error: StalePlan: ", refused.ErrorLines[0]);
        Assert.Contains("slot " + slot + " belongs to " + scene.Cluster.Nodes[2].Endpoint + " now, not to " + scene.Cluster.Nodes[1].Endpoint, refused.Errors, StringComparison.Ordinal);
        await scene.Cluster.AssertInOrderAsync();
        Assert.DoesNotContain(3, await scene.Cluster.OwnersAsync());

        await HandOverAsync(scene, slot, from: 2, to: 1);
        (await scene.RunAsync("rebalance", "--plan-file", file)).AssertEnded(0);
        Assert.Equal([4096, 4096, 4096, 4096], await scene.Cluster.SlotCountsAsync());
        await scene.Cluster.AssertInOrderAsync();
    }

    [Theory]
    [InlineData(Servers.Redis70, "KeyByKey")]
    [InlineData(Servers.Valkey91, "Atomic")]
    public async Task Of_two_runs_at_once_the_second_is_refused(string server, string method)
    {
        await using var scene = await MoveScene.StartAsync(server, Keys, ["--method", method]);
        await scene.SlowServersDownAsync(microsecondsPerKey: 2_000);
        var work = await scene.BeginAsync();
        using var first = scene.Start([.. work.Command, .. method == "Atomic" ? [] : new[] { "--max-keys-per-second", "1500" }]);
        await KillScene.UntilAsync(async () => method == "Atomic" ? await scene.TasksAsync() > 0 : await KillScene.KeysAsync(scene.Last) > 0);
        var second = await scene.RunAsync("move", "--slot", work.Before.ToList().LastIndexOf(0).ToString(), "--target", scene.Cluster.Nodes[1].Id);
        Assert.Empty(second.Objects());
        Assert.Contains(second.ErrorLines, line => line.StartsWith("error: JournalBusy: ", StringComparison.Ordinal));
        (await first.EndAsync()).AssertEnded(0);
        await scene.AssertEndedAsync(work.After);
    }

    [Theory]
    [MemberData(nameof(Servers.RedisAndValkey), MemberType = typeof(Servers))]
    public async Task While_the_servers_own_tool_moves_slots_nothing_is_begun(string server)
    {
        await using var scene = await MoveScene.StartAsync(server, Keys, ["--method", "KeyByKey"]);
        var tool = Path.Combine(Path.GetDirectoryName(Servers.Get(server).Path)!, server.StartsWith("valkey-", StringComparison.Ordinal) ? "valkey-cli" : "redis-cli");
        var nodes = scene.Cluster.Nodes;
        var before = await scene.Cluster.OwnersAsync();
        using var reshard = Process.Start(new ProcessStartInfo(tool, ["--cluster", "reshard", nodes[0].Endpoint.ToString(), "--cluster-from", nodes[0].Id, "--cluster-to", nodes[1].Id, "--cluster-slots", "5000", "--cluster-yes"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        _ = reshard.StandardOutput.ReadToEndAsync();
        try
        {
            await KillScene.UntilAsync(async () => !(await scene.Cluster.Cluster.OwnerOfAsync(0)).Equals(nodes[0]));
            var refused = await scene.RunAsync("move", "--slot", before.ToList().LastIndexOf(2).ToString(), "--target", scene.Last.Id);
            Assert.Empty(refused.Objects());
            Assert.StartsWith("error: AnotherToolAtWork: ", refused.ErrorLines[0]);
            Assert.False(reshard.HasExited, "The tool was through before it could be seen.");
        }
        finally
        {
            reshard.Kill();
            await reshard.WaitForExitAsync();
        }

        Assert.Equal(0, await KillScene.KeysAsync(scene.Last));
    }

    // By hand, as somebody does it who knows how.
    private static async Task HandOverAsync(MoveScene scene, int slot, int from, int to)
    {
        using var core = new RedisCluster(scene.Cluster.Session);
        var options = new MoveOptions { Method = MoveMethod.KeyByKey, JournalPath = JournalOfTests.NewFolder() };
        var plan = await core.PlanMoveAsync(new SlotSelection { Slots = [slot], Sources = [scene.Cluster.Nodes[from].Id], Target = scene.Cluster.Nodes[to].Id }, options, default);
        Assert.True(Assert.Single(await MoveRuns.CarryOutAsync(core, plan, options)) is { Failure: null });
    }
}
