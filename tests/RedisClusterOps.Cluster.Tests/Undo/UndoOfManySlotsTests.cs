using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Cluster.Tests.Faults;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Undo;

/// <summary>Many open slots return to their source together: in pipelined batches, not one slot after the other.</summary>
public sealed class UndoOfManySlotsTests(ITestOutputHelper output)
{
    private const int Slots = 60;
    private const int KeysEach = 20;

    public static TheoryData<string, UndoStrategy, int> Cases
    {
        get
        {
            var cases = new TheoryData<string, UndoStrategy, int>();
            foreach (var server in Servers.OneOf(Servers.Redis70).Select(row => row.Data))
            {
                cases.Add(server, UndoStrategy.RoundTrip, 7);
                cases.Add(server, UndoStrategy.PullBack, 7);
                cases.Add(server, UndoStrategy.RoundTrip, 0);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Open_slots_are_undone_together_and_every_key_is_on_the_source(string server, UndoStrategy strategy, int moved)
    {
        await using var cluster = await TestCluster.StartAsync(
            server, 3, 0, options => options with { Slots = LocalClusterOptions.SharesFor(3, 3) });
        var (source, target) = (cluster.Node(0), cluster.Node(1));
        var keys = Enumerable.Range(0, Slots).Select(slot => LabWedge.KeysOf(slot, KeysEach)).ToList();
        await OpenAsync(source, target, keys, moved);
        var roundTrips = 0;
        var session = new RedisClusterSession([source.Endpoint], cluster.Connection);
        using var core = new RedisCluster(session, new HookedConnector(new NodeConnector(session.Options), (_, _) =>
        {
            Interlocked.Increment(ref roundTrips);
            return Task.CompletedTask;
        }), null);

        var asked = Enumerable.Range(0, Slots).Select(slot => (slot, (string?)null, (string?)null)).ToList();
        var plans = await core.PlanUndosAsync(asked, strategy, false, new MoveOptions(), default);
        Assert.All(plans, plan => Assert.True(RedisCluster.GoesTogether(plan), plan.Slot + " " + plan.State + " " + plan.Refusal));
        await core.RecordPlansAsync(plans, default);
        var run = await core.RunTogetherAsync(Assert.Single(RedisCluster.GroupPlans(plans)), default);
        var results = new List<SlotOutcome>();
        while (await run.NextAsync() is { } outcomes)
            results.AddRange(outcomes);

        output.WriteLine("{0} {1}: {2} round trips", server, strategy, roundTrips);
        Assert.All(results, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.ToString()));
        Assert.All(results, outcome => Assert.Equal(MigrationOutcome.RolledBack, outcome.Result.Outcome));
        Assert.Equal(Enumerable.Range(0, Slots), results.Select(outcome => outcome.Result.Slot).Order());
        Assert.Empty(await core.GetOpenSlotsAsync(null, default));
        using var connection = await source.ConnectAsync();
        var all = keys.SelectMany(names => names).ToList();
        var values = await connection.SendAsync([.. all.Select(key => RespCommand.Of("GET", key))], null, default);
        Assert.Equal(all.Select(LabWedge.ValueOf), values.Select(value => value.Text));
        Assert.Equal(0, (await target.SendAsync("DBSIZE")).Integer);
        // Slot by slot there were twenty and more for each slot.
        Assert.InRange(roundTrips, 1, 5 * Slots);
    }

    private static async Task OpenAsync(LocalNode source, LocalNode target, IReadOnlyList<IReadOnlyList<byte[]>> keys, int moved)
    {
        await SlotScene.PipelineAsync(
            source, keys.SelectMany(names => names).Select(key => RespCommand.Of("SET", key, LabWedge.ValueOf(key))));
        await SlotScene.PipelineAsync(
            target, Enumerable.Range(0, Slots).Select(slot => RespCommand.Of("CLUSTER", "SETSLOT", slot, "IMPORTING", source.Id)));
        await SlotScene.PipelineAsync(
            source, Enumerable.Range(0, Slots).Select(slot => RespCommand.Of("CLUSTER", "SETSLOT", slot, "MIGRATING", target.Id)));
        if (moved == 0)
            return;
        object[] migrate = ["MIGRATE", target.Endpoint.Host, target.Endpoint.Port, "", 0, 20_000, "KEYS"];
        await SlotScene.PipelineAsync(source, keys.Select(names => RespCommand.Of([.. migrate, .. names.Take(moved)])));
    }
}
