using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Driver;
using RedisClusterOps.Lab;
using RedisClusterOps.Planning.Rebalance;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>A plan is valid for the owners that it was made for, and one run at a time carries it out.</summary>
public sealed class PlanInUseTests
{
    private const int Keys = 10_000;

    [Theory]
    [MemberData(nameof(MoveMethods.One), MemberType = typeof(MoveMethods))]
    public async Task A_plan_file_is_valid_until_a_slot_has_another_owner(string server)
    {
        await using var scene = await MoveScene.StartAsync(server, Keys, MoveMethod.Auto);
        var options = new MoveOptions { JournalPath = scene.Journal };
        var file = Path.Combine(scene.Journal, "plan.json");
        using (var core = new RedisCluster(scene.Cluster.Session))
            PlanFile.Write(file, await core.PlanRebalanceAsync(new RebalanceOptions { UseEmptyMaster = true }, options, default));
        var owners = await scene.Cluster.OwnersAsync();
        var slot = Array.IndexOf(owners.ToArray(), 1);
        await HandOverAsync(scene, slot, from: 1, to: 2);

        var refused = await Assert.ThrowsAsync<RedisOperationException>(() => CarryOutAsync(scene, file, options));
        Assert.Equal(FailureCode.StalePlan, refused.Code);
        var moved = "slot " + slot + " belongs to " + scene.Cluster.Nodes[2].Endpoint + " now, not to " + scene.Cluster.Nodes[1].Endpoint;
        Assert.Contains(moved, refused.Message, StringComparison.Ordinal);
        await scene.Cluster.AssertConsistentAsync();
        Assert.DoesNotContain(3, await scene.Cluster.OwnersAsync());

        await HandOverAsync(scene, slot, from: 2, to: 1);
        Assert.All(await CarryOutAsync(scene, file, options), outcome => Assert.Null(outcome.Failure));
        Assert.Equal([4096, 4096, 4096, 4096], await scene.Cluster.SlotCountsAsync());
        await scene.Cluster.AssertConsistentAsync();
    }

    [Theory]
    [InlineData(Servers.Redis70, MoveMethod.KeyByKey)]
    [InlineData(Servers.Valkey91, MoveMethod.Atomic)]
    public async Task A_second_concurrent_run_is_refused(string server, MoveMethod method)
    {
        await using var scene = await MoveScene.StartAsync(server, Keys, method);
        await scene.SlowServersDownAsync(microsecondsPerKey: 2_000);
        var work = await scene.BeginAsync();
        using var first = await scene.LaunchAsync(work.Request, keysPerSecond: method == MoveMethod.Atomic ? 0 : 1_500);
        await KillScene.UntilAsync(
            async () => method == MoveMethod.Atomic ? await scene.TasksAsync() > 0 : await KillScene.KeysAsync(scene.Last) > 0);
        // However slow the machine is, the first run is still in progress then.
        first.Freeze();
        var second = await scene.RunAsync(MoveOf(work.Before.ToList().LastIndexOf(0), scene.Cluster.Nodes[1]));
        Assert.Empty(second.Results);
        Assert.StartsWith("JournalBusy: ", second.FirstFailure);
        first.Thaw();
        (await first.EndAsync()).AssertExited(0);
        await scene.AssertEndedAsync(work.After);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_move_is_refused_while_another_tool_moves_slots(string server)
    {
        await using var scene = await MoveScene.StartAsync(server, Keys, MoveMethod.KeyByKey);
        var program = server.StartsWith("valkey-", StringComparison.Ordinal) ? "valkey-cli" : "redis-cli";
        var tool = Path.Combine(Path.GetDirectoryName(Servers.Get(server).Path)!, program);
        var nodes = scene.Cluster.Nodes;
        var before = await scene.Cluster.OwnersAsync();
        using var reshard = Process.Start(new ProcessStartInfo(
            tool,
            [
                "--cluster", "reshard", nodes[0].Endpoint.ToString(), "--cluster-from", nodes[0].Id,
                "--cluster-to", nodes[1].Id, "--cluster-slots", "5000", "--cluster-yes",
            ])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _ = reshard.StandardOutput.ReadToEndAsync();
        try
        {
            await KillScene.UntilAsync(async () => !(await scene.Cluster.Cluster.OwnerOfAsync(0)).Equals(nodes[0]));
            var refused = await scene.RunAsync(MoveOf(before.ToList().LastIndexOf(2), scene.Last));
            Assert.Empty(refused.Results);
            Assert.StartsWith("AnotherToolAtWork: ", refused.FirstFailure);
            Assert.False(reshard.HasExited, "The tool finished before the move was refused.");
        }
        finally
        {
            reshard.Kill();
            await reshard.WaitForExitAsync();
        }

        Assert.Equal(0, await KillScene.KeysAsync(scene.Last));
    }

    private static DriverRequest MoveOf(int slot, LocalNode target) =>
        new() { Operation = DriverOperation.Move, Selection = new SlotSelection { Slots = [slot], Target = target.Id } };

    private static async Task<IReadOnlyList<SlotOutcome>> CarryOutAsync(MoveScene scene, string file, MoveOptions options)
    {
        using var core = new RedisCluster(scene.Cluster.Session);
        return await MoveRuns.CarryOutAsync(core, PlanFile.Read(file), options);
    }

    private static async Task HandOverAsync(MoveScene scene, int slot, int from, int to)
    {
        using var core = new RedisCluster(scene.Cluster.Session);
        var options = new MoveOptions { Method = MoveMethod.KeyByKey, JournalPath = JournalOfTests.NewFolder() };
        var (source, target) = (scene.Cluster.Nodes[from].Id, scene.Cluster.Nodes[to].Id);
        var plan = await core.PlanMoveAsync(new SlotSelection { Slots = [slot], Sources = [source], Target = target }, options, default);
        Assert.True(Assert.Single(await MoveRuns.CarryOutAsync(core, plan, options)) is { Failure: null });
    }
}
