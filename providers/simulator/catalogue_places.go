package simulator

import "strings"

// gangwon is the province where the whole catalogue lies.
const gangwon = "강원특별자치도"

// place is one city or county of the province. Towns and streets are written as
// "Korean/Romanised", divided by spaces; a town of a county is "읍:리".
type place struct {
	name, english       string
	sigungu             string // five digits of the legal district
	firstZip, lastZip   int
	latitude, longitude float64 // of its hall
	towns, streets      string
}

// places are the seven cities and the eleven counties. Codes, postal codes and
// coordinates are the real ranges, so that what is built from them looks right.
var places = []place{
	{"춘천시", "Chuncheon-si", "51110", 24200, 24461, 37.8813, 127.7300,
		"봉의동/Bongui-dong 효자동/Hyoja-dong 퇴계동/Toegye-dong 석사동/Seoksa-dong 후평동/Hupyeong-dong 온의동/Onui-dong",
		"중앙로/Jungang-ro 공지로/Gongji-ro 퇴계로/Toegye-ro 영서로/Yeongseo-ro 후석로/Huseok-ro 소양강로/Soyanggang-ro 강원대학길/Gangwondaehak-gil 스포츠타운길/Seupocheutaun-gil"},
	{"원주시", "Wonju-si", "51130", 26300, 26499, 37.3422, 127.9202,
		"무실동/Musil-dong 단계동/Dangye-dong 단구동/Dangu-dong 명륜동/Myeongnyun-dong 반곡동/Bangok-dong 중앙동/Jungang-dong",
		"시청로/Sicheong-ro 원일로/Wonil-ro 서원대로/Seowon-daero 단구로/Dangu-ro 북원로/Bugwon-ro 혁신로/Hyeoksin-ro 세계로/Segye-ro 남원로/Namwon-ro"},
	{"강릉시", "Gangneung-si", "51150", 25400, 25639, 37.7519, 128.8761,
		"홍제동/Hongje-dong 교동/Gyo-dong 포남동/Ponam-dong 초당동/Chodang-dong 옥천동/Okcheon-dong 입암동/Ibam-dong",
		"강릉대로/Gangneung-daero 경강로/Gyeonggang-ro 율곡로/Yulgok-ro 하슬라로/Haseulla-ro 임영로/Imyeong-ro 난설헌로/Nanseolheon-ro 창해로/Changhae-ro 중앙로/Jungang-ro"},
	{"동해시", "Donghae-si", "51170", 25700, 25799, 37.5247, 129.1143,
		"천곡동/Cheongok-dong 평릉동/Pyeongneung-dong 송정동/Songjeong-dong 묵호동/Mukho-dong",
		"천곡로/Cheongok-ro 동해대로/Donghae-daero 한섬로/Hanseom-ro 효자로/Hyoja-ro 중앙로/Jungang-ro 발한로/Balhan-ro"},
	{"태백시", "Taebaek-si", "51190", 26000, 26037, 37.1641, 128.9856,
		"황지동/Hwangji-dong 장성동/Jangseong-dong 철암동/Cheoram-dong 통동/Tong-dong",
		"태백로/Taebaek-ro 황지로/Hwangji-ro 번영로/Beonyeong-ro 대학길/Daehak-gil 장성로/Jangseong-ro 중앙로/Jungang-ro"},
	{"속초시", "Sokcho-si", "51210", 24800, 24899, 38.2070, 128.5918,
		"중앙동/Jungang-dong 교동/Gyo-dong 조양동/Joyang-dong 노학동/Nohak-dong 영랑동/Yeongnang-dong",
		"중앙로/Jungang-ro 동해대로/Donghae-daero 번영로/Beonyeong-ro 청초호반로/Cheongchohoban-ro 미시령로/Misiryeong-ro 수복로/Subok-ro"},
	{"삼척시", "Samcheok-si", "51230", 25900, 25951, 37.4499, 129.1652,
		"교동/Gyo-dong 남양동/Namyang-dong 성내동/Seongnae-dong 정상동/Jeongsang-dong",
		"중앙로/Jungang-ro 척주로/Cheokju-ro 오십천로/Osipcheon-ro 새천년도로/Saecheonnyeon-doro 진주로/Jinju-ro 대학로/Daehak-ro"},
	{"홍천군", "Hongcheon-gun", "51720", 25100, 25156, 37.6970, 127.8888,
		"홍천읍:희망리/Huimang-ri,Hongcheon-eup 홍천읍:갈마곡리/Galmagok-ri,Hongcheon-eup 남면:양덕원리/Yangdeogwon-ri,Nam-myeon",
		"석화로/Seokhwa-ro 홍천로/Hongcheon-ro 신장대로/Sinjang-daero 너브내길/Neobeunae-gil 무궁화로/Mugunghwa-ro"},
	{"횡성군", "Hoengseong-gun", "51730", 25200, 25260, 37.4917, 127.9850,
		"횡성읍:읍하리/Eupha-ri,Hoengseong-eup 횡성읍:읍상리/Eupsang-ri,Hoengseong-eup 둔내면:둔방내리/Dunbangnae-ri,Dunnae-myeon",
		"태기로/Taegi-ro 횡성로/Hoengseong-ro 문정로/Munjeong-ro 한우로/Hanu-ro"},
	{"영월군", "Yeongwol-gun", "51750", 26200, 26258, 37.1836, 128.4617,
		"영월읍:하송리/Hasong-ri,Yeongwol-eup 영월읍:영흥리/Yeongheung-ri,Yeongwol-eup 주천면:주천리/Jucheon-ri,Jucheon-myeon",
		"하송로/Hasong-ro 단종로/Danjong-ro 영월로/Yeongwol-ro 중앙로/Jungang-ro"},
	{"평창군", "Pyeongchang-gun", "51760", 25300, 25393, 37.3705, 128.3902,
		"평창읍:하리/Ha-ri,Pyeongchang-eup 대관령면:횡계리/Hoenggye-ri,Daegwallyeong-myeon 봉평면:창동리/Changdong-ri,Bongpyeong-myeon 진부면:하진부리/Hajinbu-ri,Jinbu-myeon",
		"군청길/Guncheong-gil 평창중앙로/Pyeongchangjungang-ro 대관령로/Daegwallyeong-ro 올림픽로/Ollimpik-ro 이효석길/Ihyoseok-gil"},
	{"정선군", "Jeongseon-gun", "51770", 26100, 26157, 37.3807, 128.6609,
		"정선읍:봉양리/Bongyang-ri,Jeongseon-eup 고한읍:고한리/Gohan-ri,Gohan-eup 사북읍:사북리/Sabuk-ri,Sabuk-eup",
		"봉양로/Bongyang-ro 정선로/Jeongseon-ro 녹송로/Noksong-ro 하이원길/Haiwon-gil"},
	{"철원군", "Cheorwon-gun", "51780", 24000, 24055, 38.1466, 127.3132,
		"갈말읍:신철원리/Sincheorwon-ri,Galmal-eup 동송읍:이평리/Ipyeong-ri,Dongsong-eup 철원읍:화지리/Hwaji-ri,Cheorwon-eup",
		"삼부연로/Sambuyeon-ro 명성로/Myeongseong-ro 이평로/Ipyeong-ro 금학로/Geumhak-ro"},
	{"화천군", "Hwacheon-gun", "51790", 24100, 24159, 38.1062, 127.7082,
		"화천읍:하리/Ha-ri,Hwacheon-eup 화천읍:아리/A-ri,Hwacheon-eup 사내면:사창리/Sachang-ri,Sanae-myeon",
		"화천새싹길/Hwacheonsaessak-gil 중앙로/Jungang-ro 산천어길/Sancheoneo-gil 강변로/Gangbyeon-ro"},
	{"양구군", "Yanggu-gun", "51800", 24500, 24557, 38.1100, 127.9899,
		"양구읍:하리/Ha-ri,Yanggu-eup 양구읍:상리/Sang-ri,Yanggu-eup 해안면:현리/Hyeon-ri,Haean-myeon",
		"관공서로/Gwangongseo-ro 양구로/Yanggu-ro 박수근로/Baksugeun-ro 비봉로/Bibong-ro"},
	{"인제군", "Inje-gun", "51810", 24600, 24665, 38.0697, 128.1706,
		"인제읍:상동리/Sangdong-ri,Inje-eup 북면:원통리/Wontong-ri,Buk-myeon 기린면:현리/Hyeon-ri,Girin-myeon",
		"인제로/Inje-ro 비봉로/Bibong-ro 설악로/Seorak-ro 원통로/Wontong-ro"},
	{"고성군", "Goseong-gun", "51820", 24700, 24766, 38.3806, 128.4679,
		"간성읍:하리/Ha-ri,Ganseong-eup 거진읍:거진리/Geojin-ri,Geojin-eup 토성면:천진리/Cheonjin-ri,Toseong-myeon",
		"고성중앙길/Goseongjungang-gil 간성로/Ganseong-ro 수성로/Suseong-ro 토성로/Toseong-ro"},
	{"양양군", "Yangyang-gun", "51830", 25000, 25056, 38.0754, 128.6191,
		"양양읍:군행리/Gunhaeng-ri,Yangyang-eup 양양읍:남문리/Nammun-ri,Yangyang-eup 현남면:인구리/Ingu-ri,Hyeonnam-myeon",
		"군청길/Guncheong-gil 양양로/Yangyang-ro 남문로/Nammun-ro 안산길/Ansan-gil 남대천로/Namdaecheon-ro"},
}

// landmarks are buildings that people search for by name.
var landmarks = []struct {
	place, street, town, building string
	main, zip                     int
}{
	{"춘천시", "중앙로", "봉의동", "강원특별자치도청", 1, 24266},
	{"춘천시", "강원대학길", "효자동", "강원대학교 춘천캠퍼스", 1, 24341},
	{"원주시", "시청로", "무실동", "원주시청", 1, 26387},
	{"원주시", "세계로", "반곡동", "한국관광공사", 10, 26464},
	{"강릉시", "강릉대로", "홍제동", "강릉시청", 33, 25522},
	{"속초시", "중앙로", "중앙동", "속초시청", 183, 24826},
	{"동해시", "천곡로", "천곡동", "동해시청", 77, 25769},
	{"삼척시", "중앙로", "교동", "삼척시청", 296, 25914},
	{"태백시", "태백로", "황지동", "태백시청", 21, 26023},
	{"홍천군", "석화로", "희망리", "홍천군청", 93, 25121},
	{"평창군", "군청길", "하리", "평창군청", 77, 25374},
	{"정선군", "봉양로", "봉양리", "정선군청", 21, 26125},
}

// splitName splits an entry of towns or streets.
func splitName(entry string) (korean, english string) {
	korean, english, _ = strings.Cut(entry, "/")
	return korean, english
}
