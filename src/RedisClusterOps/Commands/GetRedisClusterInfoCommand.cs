using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>
/// Gets a cluster as one object: state, slots, nodes, epochs, keys, memory and versions. The state is the worst that any node reports.
/// </summary>
[Cmdlet(VerbsCommon.Get, "RedisClusterInfo")]
[OutputType(typeof(RedisClusterInfo))]
public sealed class GetRedisClusterInfoCommand : ClusterOnlyCmdlet
{
    internal override void Run() => WriteObject(Await(Open().GetInfoAsync(Stop), "Reading the cluster"));
}
