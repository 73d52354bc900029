namespace RedisClusterOps.Lab;

internal static class Program
{
    private static int Main() => 2;
}
