using System.Linq;
using RedisClusterOps.Planning.Slots;
using Xunit;

namespace RedisClusterOps.Core.Tests.Planning;

/// <summary>
/// KeepInUse means the slot owner's value in every operation and state: a move knows on which side it is, and keeps the option as it is.
/// </summary>
public class KeyConflictPlanTests
{
    private static readonly RedisClusterSession Session = RedisClusterSession.Parse("10.0.0.1:6379");

    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            foreach (var operation in new[] { "Complete", "Keys", "RoundTrip", "PullBack", "Repair", "Restart" })
            {
                foreach (var state in new[] { "Migrating", "ImportingOnly", "MigratingOnly", "SourceFailedOver" })
                    cases.Add(operation, state);
            }

            cases.Add("Repair", "StrayKeys");
            cases.Add("PullBack", "StrayKeys");
            return cases;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void The_value_in_use_is_the_owners(string operation, string state)
    {
        var situation = SceneOf(state).Situation();
        foreach (var asked in new[] { KeyConflictAction.Stop, KeyConflictAction.KeepInUse, KeyConflictAction.KeepOther })
        {
            SlotPlan plan;
            try
            {
                plan = RequestOf(operation, new MoveOptions { OnKeyConflict = asked }).Plan(situation);
            }
            catch (RedisOperationException refusal) when (refusal.Code is FailureCode.SlotStateUnsuitable or FailureCode.SlotNotOpen)
            {
                // Another operation is the way out of this state.
                continue;
            }

            var owner = situation.View.OwnerOf(ClusterScene.Slot);
            foreach (var action in plan.Actions)
            {
                // A round trip hands the slot over, and the way back begins at the new owner.
                if (action is AssignToTarget handover)
                    owner = handover.Target.Id;
                if (action is not MoveKeys move)
                    continue;
                Assert.Equal(asked, move.OnConflict);
                Assert.Equal(owner, (move.IsReverse ? move.Target : move.Source).Id);
            }
        }
    }

    [Fact]
    public void Both_directions_are_planned()
    {
        Assert.False(MoveOf("Complete", "Migrating").IsReverse);
        Assert.True(MoveOf("PullBack", "Migrating").IsReverse);
        Assert.True(MoveOf("Repair", "StrayKeys").IsReverse);
    }

    private static MoveKeys MoveOf(string operation, string state) =>
        RequestOf(operation, new MoveOptions()).Plan(SceneOf(state).Situation()).Actions.OfType<MoveKeys>().Single();

    private static SlotRequest RequestOf(string operation, MoveOptions options)
    {
        var ends = new MigrationEnds(ClusterScene.Id("S"), "S", ClusterScene.Id("T"), "T");
        return operation switch
        {
            "Complete" => new CompleteRequest(ClusterScene.Slot, Session, options),
            "Keys" => new KeyMoveRequest(ClusterScene.Slot, Session, options),
            "RoundTrip" => new UndoRequest(ClusterScene.Slot, Session, options, ends, UndoStrategy.RoundTrip, false),
            "PullBack" => new UndoRequest(ClusterScene.Slot, Session, options, ends, UndoStrategy.PullBack, false),
            "Repair" => new RepairRequest(ClusterScene.Slot, Session, options, new RepairOptions()),
            _ => new RestartRequest(ClusterScene.Slot, Session, options, ClusterScene.Id("X")),
        };
    }

    private static ClusterScene SceneOf(string state) => state switch
    {
        "Migrating" => ClusterScene.Wedged(),
        "ImportingOnly" => ClusterScene.Stable().Importing("T", "S").Keys("T", 0),
        "MigratingOnly" => ClusterScene.Stable().Migrating("S", "T"),
        "StrayKeys" => ClusterScene.Stable().Importing("T", "S").Keys("T", 3),
        _ => ClusterScene.Wedged().Master("N", 9, "0-8191").BecameReplica("S", of: "N").Keys("N", 100).Keys("T", 50),
    };
}
