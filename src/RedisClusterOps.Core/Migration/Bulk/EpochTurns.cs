using System.Linq;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>
/// Whose turn it is to be given slots, in the whole cluster. Each of them raises the new owner's epoch by one above those that it has heard of, and tells
/// everybody. Two at once choose the same epochs; then one of them has to give way, and of that it tells nobody until its next ping. Whoever is to get
/// slots from it has not heard of its epoch until then: seconds.
/// </summary>
internal sealed class EpochTurns() : Turns<string>((target, working) => working.All(other => other == target));
