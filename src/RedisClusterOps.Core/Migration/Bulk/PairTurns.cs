using System.Linq;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>
/// Which pairs of masters are at work at once: nobody is a source and a target at the same time. A MIGRATE blocks its source until the target has
/// answered; where that one waits in a MIGRATE of its own, and so on in a circle, all of them wait for their timeout. And whoever is given a slot
/// raises its epoch: if it is giving another one away in that moment, its new epoch may win that slot back, and the new owner deletes the keys.
/// </summary>
internal sealed class PairTurns(int most) : Turns<SlotPair>((pair, working) =>
    working.Count < most && working.All(other => other.Source.Id != pair.Target.Id && other.Target.Id != pair.Source.Id));
