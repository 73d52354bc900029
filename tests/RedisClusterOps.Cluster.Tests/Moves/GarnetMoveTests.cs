using System;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>Garnet answers OK for keys that it did not take, and overwrites nothing without a word: such slots fail by name, and the others move.</summary>
public sealed class GarnetMoveTests
{
    [Fact]
    public async Task A_name_over_a_kilobyte_and_a_key_that_is_there_already_fail_their_slots_alone()
    {
        await using var cluster = await FilledCluster.StartAsync(Servers.Garnet, keys: 5_000);
        var (source, target) = (cluster.Nodes[0], cluster.Nodes[^1]);
        var slots = Enumerable.Range(100, 60).ToArray();
        var keys = Enumerable.Range(0, cluster.Keys).Select(FilledCluster.Name).Where(key => slots.Contains(FilledCluster.SlotOf(key))).ToList();
        var (named, known) = (FilledCluster.SlotOf(keys[0]), FilledCluster.SlotOf(keys.First(key => FilledCluster.SlotOf(key) != FilledCluster.SlotOf(keys[0]))));
        var longName = Encoding.ASCII.GetBytes("{" + keys[0] + "}" + new string('k', 1_500));
        await source.SendAsync("SET", longName, "value");
        var stray = keys.First(key => FilledCluster.SlotOf(key) == known);
        await target.SendAsync("CLUSTER", "SETSLOT", known, "IMPORTING", source.Id);
        using (var connection = await target.ConnectAsync())
            Assert.Equal("OK", (await connection.SendAsync([RespCommand.Of("ASKING"), RespCommand.Of("SET", stray, "another value")], null, default))[1].Text);
        await target.SendAsync("CLUSTER", "SETSLOT", known, "STABLE");

        var core = new RedisCluster(cluster.Session);
        var options = new MoveOptions { Method = MoveMethod.KeyByKey, JournalPath = JournalOfTests.NewFolder() };
        var plan = await core.PlanMoveAsync(new SlotSelection { Slots = slots, Target = target.Id }, options, default);
        var outcomes = await MoveRuns.CarryOutAsync(core, plan, options);
        var failed = outcomes.Where(outcome => outcome.Failure is not null).ToDictionary(outcome => outcome.Result.Slot, outcome => outcome.Failure!);
        Assert.Equal(new[] { named, known }.Order(), failed.Keys.Order());
        Assert.Equal(FailureCode.KeyExistsOnTarget, failed[known].Code);
        Assert.Contains("Slot " + named, failed[named].Message, StringComparison.Ordinal);
        Assert.Equal(slots.Length - 2, outcomes.Count(outcome => outcome.Result.Outcome == MigrationOutcome.Moved));
        Assert.Equal("value", (await source.SendAsync("GET", longName)).Text);

        core.Dispose();
        // Without that key it goes on.
        await source.SendAsync("DEL", longName);
        using var later = new RedisCluster(cluster.Session);
        options = options with { OnKeyConflict = KeyConflictAction.KeepSource };
        Assert.All(await MoveRuns.CarryOutAsync(later, (await later.PlanResumeOfMovesAsync(null, options, default))!, options), outcome => Assert.True(outcome.Failure is null, outcome.Failure?.Message));
        Assert.Equal(cluster.OwnersIn(plan.After), await cluster.OwnersAsync());
        await cluster.AssertConsistentAsync();
    }
}
