using System.Linq;
using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>Names of the keys of a slot on one node; with -Detail also their type, time to live and memory.</summary>
[Cmdlet(VerbsCommon.Get, "RedisSlotKey")]
[OutputType(typeof(RedisSlotKey))]
public sealed class GetRedisSlotKeyCommand : RedisClusterCmdlet
{
    // So many keys are asked about in one round trip; the first lines show at once, and a stop waits for no more than these.
    private const int DescribedAtOnce = 100;

    /// <summary>The slot, 0 to 16383.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateRange(0, 16383)]
    [ArgumentCompleter(typeof(SlotCompleter))]
    public int Slot { get; set; }

    /// <summary>The node to ask: id, unique id prefix or <c>host:port</c>. The slot's owner unless told.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(NodeCompleter))]
    public string? Node { get; set; }

    /// <summary>At most so many keys.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? First { get; set; }

    /// <summary>Also type, time to live and memory of each key.</summary>
    [Parameter]
    public SwitchParameter Detail { get; set; }

    internal override void Run()
    {
        var cluster = Open();
        try
        {
            var keys = Await(cluster.GetSlotKeysAsync(Slot, Node, First, Stop), "Listing the keys");
            if (!Detail)
            {
                WriteObject(keys, enumerateCollection: true);
                return;
            }

            for (var start = 0; start < keys.Count; start += DescribedAtOnce)
            {
                var chunk = keys.Skip(start).Take(DescribedAtOnce).ToArray();
                WriteObject(Await(cluster.DescribeKeysAsync(chunk, Stop), "Describing the keys"), enumerateCollection: true);
            }
        }
        catch (RedisOperationException failure) when (!failure.ConcernsWholeCluster)
        {
            WriteError(ErrorRecords.From(failure, Slot));
        }
    }
}
