using System;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>
/// Garnet replies OK to MIGRATE for keys that it did not move, and does not overwrite existing keys. Such slots fail individually; the
/// others move.
/// </summary>
public sealed class GarnetMoveTests
{
    [Fact]
    public async Task Only_the_slots_with_a_name_over_1_KB_or_an_existing_key_fail()
    {
        await using var cluster = await FilledCluster.StartAsync(Servers.Garnet, keys: 5_000);
        var (source, target) = (cluster.Nodes[0], cluster.Nodes[^1]);
        var slots = Enumerable.Range(100, 60).ToArray();
        var keys = Enumerable.Range(0, cluster.Keys).Select(FilledCluster.Name).Where(key => slots.Contains(FilledCluster.SlotOf(key)))
            .ToList();
        var named = FilledCluster.SlotOf(keys[0]);
        var known = keys.Select(FilledCluster.SlotOf).First(slot => slot != named);
        var longName = Encoding.ASCII.GetBytes("{" + keys[0] + "}" + new string('k', 1_500));
        await source.SendAsync("SET", longName, "value");
        var stray = keys.First(key => FilledCluster.SlotOf(key) == known);
        await target.SendAsync("CLUSTER", "SETSLOT", known, "IMPORTING", source.Id);
        using (var connection = await target.ConnectAsync())
        {
            RespCommand[] commands = [RespCommand.Of("ASKING"), RespCommand.Of("SET", stray, "another value")];
            Assert.Equal("OK", (await connection.SendAsync(commands, null, default))[1].Text);
        }

        await target.SendAsync("CLUSTER", "SETSLOT", known, "STABLE");

        var core = new RedisCluster(cluster.Session);
        var options = new MoveOptions { Method = MoveMethod.KeyByKey, JournalPath = JournalOfTests.NewFolder() };
        var plan = await core.PlanMoveAsync(new SlotSelection { Slots = slots, Target = target.Id }, options, default);
        var outcomes = await MoveRuns.CarryOutAsync(core, plan, options);
        var failed = outcomes.Where(outcome => outcome.Failure is not null)
            .ToDictionary(outcome => outcome.Result.Slot, outcome => outcome.Failure!);
        Assert.Equal(new[] { named, known }.Order(), failed.Keys.Order());
        Assert.Equal(FailureCode.KeyExistsOnTarget, failed[known].Code);
        Assert.Contains("Slot " + named, failed[named].Message, StringComparison.Ordinal);
        Assert.Equal(slots.Length - 2, outcomes.Count(outcome => outcome.Result.Outcome == MigrationOutcome.Moved));
        Assert.Equal("value", (await source.SendAsync("GET", longName)).Text);

        core.Dispose();
        // Without that key the run can be resumed.
        await source.SendAsync("DEL", longName);
        using var later = new RedisCluster(cluster.Session);
        options = options with { OnKeyConflict = KeyConflictAction.KeepInUse };
        var rest = await MoveRuns.CarryOutAsync(later, (await later.PlanResumeOfMovesAsync(null, options, default))!, options);
        Assert.All(rest, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.Message));
        Assert.Equal(cluster.OwnersIn(plan.After), await cluster.OwnersAsync());
        await cluster.AssertConsistentAsync();
    }
}
