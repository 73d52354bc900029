using System.Collections.Generic;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Repair;

/// <summary>Breaks slots and repairs them.</summary>
internal static class RepairScene
{
    /// <summary>
    /// Writes a key to a node that does not own the slot, as a client with an outdated slot map would. The node imports the slot from
    /// then on.
    /// </summary>
    public static async Task StrayAsync(this SlotScene scene, LocalNode holder, byte[] key, string value)
    {
        if (!(await TestCluster.OwnLineOfAsync(holder)).ImportingFrom.ContainsKey(scene.Slot))
            await scene.SetSlotAsync(holder, "IMPORTING", scene.Source);
        await SlotScene.PipelineAsync(holder, [RespCommand.Of("ASKING"), RespCommand.Of("SET", key, value)]);
    }

    /// <summary>Plans a repair of this slot only.</summary>
    public static async Task<SlotPlan> PlanRepairAsync(this SlotScene scene, RepairOptions? repair = null, MoveOptions? options = null)
    {
        using var core = scene.Core();
        var thisSlot = (repair ?? new RepairOptions()) with { Slots = [scene.Slot] };
        return Assert.Single(await core.PlanRepairAsync(thisSlot, options ?? new MoveOptions(), default));
    }

    /// <summary>Repairs this slot only.</summary>
    public static async Task<SlotOutcome> RepairAsync(this SlotScene scene, RepairOptions? repair = null, MoveOptions? options = null)
    {
        using var core = scene.Core();
        var plans = await core.PlanRepairAsync(
            (repair ?? new RepairOptions()) with { Slots = [scene.Slot] }, options ?? new MoveOptions(), default);
        return await core.CarryOutAsync(Assert.Single(plans), default);
    }

    /// <summary>Repairs the slot and asserts that it succeeds and that a second repair finds nothing to do.</summary>
    public static async Task<RedisSlotMigrationResult> RepairSuccessfullyAsync(
        this SlotScene scene, RepairOptions? repair = null, MoveOptions? options = null)
    {
        var outcome = await scene.RepairAsync(repair, options);
        Assert.True(outcome.Failure is null, outcome.Failure?.ToString());
        Assert.Equal(MigrationOutcome.Repaired, outcome.Result.Outcome);
        Assert.True((await scene.PlanRepairAsync()).IsDone);
        return outcome.Result;
    }

    /// <summary>Repairs the whole cluster.</summary>
    public static async Task<IReadOnlyList<SlotOutcome>> RepairAllAsync(
        this SlotScene scene, RepairOptions? repair = null, MoveOptions? options = null)
    {
        using var core = scene.Core();
        var plans = await core.PlanRepairAsync(repair ?? new RepairOptions(), options ?? new MoveOptions(), default);
        await core.RecordPlansAsync(plans, default);
        var outcomes = new List<SlotOutcome>();
        foreach (var group in RedisCluster.GroupPlans(plans))
        {
            if (group.Count == 1)
            {
                outcomes.Add(await core.CarryOutAsync(group[0], default));
                continue;
            }

            var run = await core.RunTogetherAsync(group, default);
            while (await run.NextAsync() is { } results)
                outcomes.AddRange(results);
        }

        return outcomes;
    }
}
