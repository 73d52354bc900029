using System;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Cluster.Tests.Kills;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.States;

/// <summary>Tests every cell of the table of states and operations on every server where the state can be created.</summary>
[Collection(nameof(StateClusters))]
public sealed class OperationTableTests(SharedClusters clusters)
{
    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            // The short proof tests each state on one server.
            foreach (var state in OpenStates.All)
            {
                var able = Servers.RedisAndValkey.Select(server => server.Data).Where(server => !state.NotOn.Contains(server)).ToList();
                foreach (var server in KillCase.IsFullProof ? able : able.Skip(cases.Count % able.Count).Take(1))
                    cases.Add(server, state.Name);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public Task Complete(string server, string state) => CellAsync(server, state, "Complete", (core, scene, named) =>
        core.PlanCompletionAsync(scene.Slot, null, named ? scene.Target.Id : null, new MoveOptions(), default));

    [Theory]
    [MemberData(nameof(Cases))]
    public Task Undo(string server, string state) => CellAsync(server, state, "Undo", (core, scene, named) =>
        core.PlanUndoAsync(scene.Slot, named ? scene.Source.Id : null, null, UndoStrategy.RoundTrip, false, new MoveOptions(), default));

    [Theory]
    [MemberData(nameof(Cases))]
    public Task Undo_by_pulling_back(string server, string state) => CellAsync(server, state, "Undo, PullBack", (core, scene, named) =>
        core.PlanUndoAsync(scene.Slot, named ? scene.Source.Id : null, null, UndoStrategy.PullBack, false, new MoveOptions(), default));

    [Theory]
    [MemberData(nameof(Cases))]
    public Task Restart(string server, string state) => CellAsync(server, state, "Restart", (core, scene, _) =>
        core.PlanRestartAsync(scene.Slot, null, new MoveOptions(), default));

    [Theory]
    [MemberData(nameof(Cases))]
    public Task Start(string server, string state) => CellAsync(server, state, "Start", (core, scene, _) =>
        core.PlanStartAsync(scene.Slot, null, scene.Target.Id, new MoveOptions(), default));

    [Theory]
    [MemberData(nameof(Cases))]
    public Task Repair(string server, string state) => CellAsync(server, state, "Repair", async (core, scene, _) =>
        Assert.Single(await core.PlanRepairAsync(new RepairOptions { Slots = [scene.Slot] }, new MoveOptions(), default)));

    private async Task CellAsync(
        string server, string name, string operation, Func<RedisCluster, SlotScene, bool, Task<SlotPlan>> planAsync)
    {
        var (state, expected) = (OpenStates.Get(name), OperationTable.Expected(name, operation));
        // A target without other slots would become a replica when it loses this one.
        var scene = await clusters.SceneAsync(server, target: 2);
        try
        {
            await state.MakeAsync(scene);
            var refusal = Enum.TryParse<FailureCode>(expected, out var code) ? code : (FailureCode?)null;
            var plan = await PlanAsync(scene, planAsync, refusal);
            if (plan is null)
                return;
            await HearAsync(scene, state);
            await CarryOutAsync(scene, plan, expected);

            // The same operation again, with source or target named if possible, finds nothing to do and writes nothing.
            using var log = new OperationLog { Commands = true };
            using var again = scene.Core(log);
            var left = await planAsync(again, scene, true);
            Assert.True(left.IsDone);
            Assert.Equal(MigrationOutcome.Skipped, (await again.CarryOutAsync(left, default)).Result.Outcome);
            AssertNothingWritten(log);
        }
        finally
        {
            await HearAsync(scene, state);
            if (await scene.ShownAsync() is not null)
                await state.RestoreAsync(scene);
            foreach (var master in scene.Cluster.Masters)
                await scene.SetSlotAsync(master, "STABLE");
            // Every later repair would search for the keys that stay hidden there.
            if (server == Servers.Redis86)
                await scene.DropHiddenAsync();
        }
    }

    // Planning and refusing write nothing.
    private static async Task<SlotPlan?> PlanAsync(
        SlotScene scene, Func<RedisCluster, SlotScene, bool, Task<SlotPlan>> planAsync, FailureCode? refused)
    {
        using var log = new OperationLog { Commands = true };
        RedisOperationException? refusal;
        SlotPlan? plan = null;
        try
        {
            using var core = scene.Core(log);
            plan = await planAsync(core, scene, false);
            refusal = plan.Refusal;
        }
        catch (RedisOperationException thrown)
        {
            refusal = thrown;
        }

        Assert.Equal(refused, refusal?.Code);
        Assert.Equal(refusal is null, string.IsNullOrWhiteSpace(refusal?.NextStep()));
        AssertNothingWritten(log);
        return refusal is null ? plan : null;
    }

    // Checks the sent commands. The tests of single operations check the servers' own counts.
    private static void AssertNothingWritten(OperationLog log)
    {
        var sent = 0;
        for (; log.TryTake(out var happened, TimeSpan.Zero); sent++)
        {
            // ACL DRYRUN checks permissions and does nothing.
            if (!happened!.Message.Contains("ACL DRYRUN", StringComparison.Ordinal))
                Assert.DoesNotMatch("SETSLOT|MIGRATE |IMPORT|ADDSLOTS|DELSLOTS|BUMPEPOCH|EVAL|DEL |CONFIG SET", happened.Message);
        }

        Assert.True(sent > 10, "Only " + sent + " commands were logged.");
    }

    private static async Task CarryOutAsync(SlotScene scene, SlotPlan plan, string expected)
    {
        var (outcome, end) = expected.Split(", ") is [var first, var last] ? (first, last) : throw new ArgumentException(expected);
        using (var core = scene.Core())
        {
            var done = await core.CarryOutAsync(plan, default);
            Assert.True(done.Failure is null, done.Failure?.ToString());
            Assert.Equal(outcome, done.Result.Outcome.ToString());
            if (end == "fewest slots")
            {
                await scene.AssertClosedAsync(scene.Cluster.NodeOf(done.Result.TargetId!), highestEpoch: false);
                return;
            }
        }

        if (end == "open")
            await AssertOpenAsync(scene);
        else
            await scene.AssertClosedAsync(end == "T" ? scene.Target : scene.Source, highestEpoch: false);
    }

    private static async Task AssertOpenAsync(SlotScene scene)
    {
        Assert.Equal(scene.Target.Id, (await TestCluster.OwnLineOfAsync(scene.Source)).MigratingTo[scene.Slot]);
        Assert.Equal(scene.Source.Id, (await TestCluster.OwnLineOfAsync(scene.Target)).ImportingFrom[scene.Slot]);
        await scene.AssertKeysAsync(scene.Source, scene.Target);
    }

    private static async Task HearAsync(SlotScene scene, OpenState state)
    {
        foreach (var deaf in state.Deaf(scene))
            await SlotScene.DropBusPacketsAsync(deaf, false);
    }
}
