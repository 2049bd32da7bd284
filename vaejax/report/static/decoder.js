const liveDecoder=()=>null, fromHalf=()=>null;
