using System;
using System.IO;
using System.Linq;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.States;

/// <summary>The table in the document is the one that the tests check on real servers.</summary>
public sealed class OperationDocumentTests
{
    [Fact]
    public void The_table_in_the_document_is_the_one_that_is_tested()
    {
        var table = File.ReadAllLines(RepositoryFiles.Document("states.md"))
            .SkipWhile(line => !line.StartsWith("| state | signs | Complete", StringComparison.Ordinal))
            .TakeWhile(line => line.StartsWith('|'));
        Assert.Equal(OperationTable.Lines(), table);
    }
}
